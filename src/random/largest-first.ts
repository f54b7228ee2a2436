// The order in which PyTorch's `topk` gives equal values is that of the algorithms of its C++ library: libstdc++ on Linux. This file
// does the same comparisons and swaps. Described in Musser, Introspective Sorting and Selection Algorithms, 1997.

type Values = Float32Array | Float64Array;

/** Ranges up to this length are sorted by insertion. */
const insertionLength = 16;

/** Places of the `count` largest values, the largest first; of equal values in the order in which PyTorch's `topk` has them. */
export function largestFirst(values: Values, count: number): Int32Array {
  const places = Int32Array.from(values.keys());
  const sorter = new Sorter(values, places);
  const { length } = values;
  if (count * 64 <= length) sorter.partialSort(0, count, length);
  else if (count > 0) {
    sorter.select(0, count - 1, length);
    sorter.sort(0, count - 1);
  }
  return places.slice(0, count);
}

/** `std::nth_element`, `std::sort` and `std::partial_sort` over places, in descending order of their values. */
class Sorter {
  readonly #values: Values;
  readonly #places: Int32Array;

  constructor(values: Values, places: Int32Array) {
    this.#values = values;
    this.#places = places;
  }

  select(first: number, nth: number, last: number): void {
    if (first === last || nth === last) return;
    let [from, to] = [first, last];
    for (let depth = 2 * log2(to - from); to - from > 3; depth--) {
      if (depth === 0) {
        this.#heapSelect(from, nth + 1, to);
        this.#swap(from, nth);
        return;
      }
      const cut = this.#partition(from, to);
      if (cut <= nth) from = cut;
      else to = cut;
    }
    this.#insertionSort(from, to);
  }

  sort(first: number, last: number): void {
    if (first === last) return;
    this.#introsort(first, last, 2 * log2(last - first));
    const guarded = Math.min(first + insertionLength, last);
    this.#insertionSort(first, guarded);
    for (let i = guarded; i < last; i++) this.#insert(i);
  }

  partialSort(first: number, middle: number, last: number): void {
    this.#heapSelect(first, middle, last);
    for (let end = middle; end - first > 1; end--) this.#popHeap(first, end - 1, end - 1);
  }

  /** Whether the value of place `a` comes before that of `b`. */
  #before(a: number, b: number): boolean {
    return this.#values[a]! > this.#values[b]!;
  }

  #introsort(first: number, last: number, depthLimit: number): void {
    let to = last;
    for (let depth = depthLimit; to - first > insertionLength; ) {
      if (depth === 0) {
        this.partialSort(first, to, to);
        return;
      }
      depth -= 1;
      const cut = this.#partition(first, to);
      this.#introsort(cut, to, depth);
      to = cut;
    }
  }

  /** Partitions around the median of the second, the middle and the last, which goes to the front. */
  #partition(first: number, last: number): number {
    const places = this.#places;
    this.#moveMedian(first, first + 1, first + ((last - first) >> 1), last - 1);
    const pivot = places[first]!;
    for (let [low, high] = [first + 1, last]; ; low++) {
      while (this.#before(places[low]!, pivot)) low++;
      high--;
      while (this.#before(pivot, places[high]!)) high--;
      if (low >= high) return low;
      this.#swap(low, high);
    }
  }

  #moveMedian(to: number, a: number, b: number, c: number): void {
    const [x, y, z] = [this.#places[a]!, this.#places[b]!, this.#places[c]!];
    let median: number;
    if (this.#before(x, y)) median = this.#before(y, z) ? b : this.#before(x, z) ? c : a;
    else median = this.#before(x, z) ? a : this.#before(y, z) ? c : b;
    this.#swap(to, median);
  }

  #insertionSort(first: number, last: number): void {
    const places = this.#places;
    for (let i = first + 1; i < last; i++) {
      const place = places[i]!;
      if (this.#before(place, places[first]!)) {
        places.copyWithin(first + 1, first, i);
        places[first] = place;
      } else this.#insert(i);
    }
  }

  /** Moves an element down to its place; one before it is not behind it. */
  #insert(at: number): void {
    const places = this.#places;
    const place = places[at]!;
    let hole = at;
    for (; this.#before(place, places[hole - 1]!); hole--) places[hole] = places[hole - 1]!;
    places[hole] = place;
  }

  #heapSelect(first: number, middle: number, last: number): void {
    const places = this.#places;
    const length = middle - first;
    for (let parent = (length - 2) >> 1; length > 1 && parent >= 0; parent--)
      this.#adjustHeap(first, parent, length, places[first + parent]!);
    for (let i = middle; i < last; i++)
      if (this.#before(places[i]!, places[first]!)) this.#popHeap(first, middle, i);
  }

  /** Puts the top of the heap to `result`, and what was there into the heap. */
  #popHeap(first: number, last: number, result: number): void {
    const place = this.#places[result]!;
    this.#places[result] = this.#places[first]!;
    this.#adjustHeap(first, 0, last - first, place);
  }

  #adjustHeap(first: number, top: number, length: number, place: number): void {
    const places = this.#places;
    let hole = top;
    let child = top;
    while (child < (length - 1) >> 1) {
      child = 2 * (child + 1);
      if (this.#before(places[first + child]!, places[first + child - 1]!)) child--;
      places[first + hole] = places[first + child]!;
      hole = child;
    }
    if (length % 2 === 0 && child === (length - 2) >> 1) {
      child = 2 * (child + 1);
      places[first + hole] = places[first + child - 1]!;
      hole = child - 1;
    }
    let parent = (hole - 1) >> 1;
    while (hole > top && this.#before(places[first + parent]!, place)) {
      places[first + hole] = places[first + parent]!;
      hole = parent;
      parent = (hole - 1) >> 1;
    }
    places[first + hole] = place;
  }

  #swap(a: number, b: number): void {
    const places = this.#places;
    [places[a], places[b]] = [places[b]!, places[a]!];
  }
}

function log2(value: number): number {
  return 31 - Math.clz32(value);
}
