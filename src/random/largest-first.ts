// The order in which PyTorch's `topk` returns equal values is that of its C++ library's algorithms: libstdc++ on
// Linux. This file makes the same comparisons and swaps. Described in Musser, Introspective Sorting and Selection
// Algorithms, 1997.

type Values = Float32Array | Float64Array;

/** Ranges up to this length are sorted by insertion. */
const insertionLength = 16;

/** Indices of the `count` largest values, largest first; equal values in the order of PyTorch's `topk`. */
export function largestFirst(values: Values, count: number): Int32Array {
  const indices = Int32Array.from(values.keys());
  const sorter = new Sorter(values, indices);
  const { length } = values;
  if (count * 64 <= length) sorter.partialSort(0, count, length);
  else if (count > 0) {
    sorter.select(0, count - 1, length);
    sorter.sort(0, count - 1);
  }
  return indices.slice(0, count);
}

/** `std::nth_element`, `std::sort` and `std::partial_sort` over indices, by descending value. */
class Sorter {
  readonly #values: Values;
  readonly #indices: Int32Array;

  constructor(values: Values, indices: Int32Array) {
    this.#values = values;
    this.#indices = indices;
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

  /** Whether the value at index `a` comes before the value at index `b`. */
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

  /** Partitions around the median of the second, middle and last element, which is swapped to the front. */
  #partition(first: number, last: number): number {
    const indices = this.#indices;
    this.#moveMedian(first, first + 1, first + ((last - first) >> 1), last - 1);
    const pivot = indices[first]!;
    for (let [low, high] = [first + 1, last]; ; low++) {
      while (this.#before(indices[low]!, pivot)) low++;
      high--;
      while (this.#before(pivot, indices[high]!)) high--;
      if (low >= high) return low;
      this.#swap(low, high);
    }
  }

  #moveMedian(to: number, a: number, b: number, c: number): void {
    const [x, y, z] = [this.#indices[a]!, this.#indices[b]!, this.#indices[c]!];
    let median: number;
    if (this.#before(x, y)) median = this.#before(y, z) ? b : this.#before(x, z) ? c : a;
    else median = this.#before(x, z) ? a : this.#before(y, z) ? c : b;
    this.#swap(to, median);
  }

  #insertionSort(first: number, last: number): void {
    const indices = this.#indices;
    for (let i = first + 1; i < last; i++) {
      const index = indices[i]!;
      if (this.#before(index, indices[first]!)) {
        indices.copyWithin(first + 1, first, i);
        indices[first] = index;
      } else this.#insert(i);
    }
  }

  /** Moves an element down to its sorted position; the caller ensures that an earlier element stops it. */
  #insert(at: number): void {
    const indices = this.#indices;
    const index = indices[at]!;
    let hole = at;
    for (; this.#before(index, indices[hole - 1]!); hole--) indices[hole] = indices[hole - 1]!;
    indices[hole] = index;
  }

  #heapSelect(first: number, middle: number, last: number): void {
    const indices = this.#indices;
    const length = middle - first;
    for (let parent = (length - 2) >> 1; length > 1 && parent >= 0; parent--)
      this.#adjustHeap(first, parent, length, indices[first + parent]!);
    for (let i = middle; i < last; i++)
      if (this.#before(indices[i]!, indices[first]!)) this.#popHeap(first, middle, i);
  }

  /** Moves the top of the heap to `result`, and the element that was there into the heap. */
  #popHeap(first: number, last: number, result: number): void {
    const index = this.#indices[result]!;
    this.#indices[result] = this.#indices[first]!;
    this.#adjustHeap(first, 0, last - first, index);
  }

  #adjustHeap(first: number, top: number, length: number, index: number): void {
    const indices = this.#indices;
    let hole = top;
    let child = top;
    while (child < (length - 1) >> 1) {
      child = 2 * (child + 1);
      if (this.#before(indices[first + child]!, indices[first + child - 1]!)) child--;
      indices[first + hole] = indices[first + child]!;
      hole = child;
    }
    if (length % 2 === 0 && child === (length - 2) >> 1) {
      child = 2 * (child + 1);
      indices[first + hole] = indices[first + child - 1]!;
      hole = child - 1;
    }
    let parent = (hole - 1) >> 1;
    while (hole > top && this.#before(indices[first + parent]!, index)) {
      indices[first + hole] = indices[first + parent]!;
      hole = parent;
      parent = (hole - 1) >> 1;
    }
    indices[first + hole] = index;
  }

  #swap(a: number, b: number): void {
    const indices = this.#indices;
    [indices[a], indices[b]] = [indices[b]!, indices[a]!];
  }
}

function log2(value: number): number {
  return 31 - Math.clz32(value);
}
