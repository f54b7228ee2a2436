/** A key that is counted: a token or a label. */
export type Keys = ArrayLike<number | bigint | string>;

/** Keys below this limit are counted in an array, others in a map. */
const largestInArray = 1 << 20;

/** Counts how often keys (tokens, labels) occur in a dataset. Memory grows with the number of distinct keys. */
export class KeyCounts {
  /** Counts of the keys 0, 1, 2 … */
  #array = new Float64Array(1_024);
  readonly #map = new Map<number | string, number>();
  #total = 0;

  static fromJson({ keys, counts }: KeyCountsJson): KeyCounts {
    const all = new KeyCounts();
    for (const [i, key] of keys.entries()) all.#add(key, counts[i]!);
    return all;
  }

  /** Total number of occurrences. */
  get total(): number {
    return this.#total;
  }

  add(keys: Keys): void {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      this.#add(typeof key === 'bigint' ? Number(key) : key, 1);
    }
  }

  merge(other: KeyCounts): void {
    for (const [key, count] of other.#entries()) this.#add(key, count);
  }

  /** Number of occurrences of a key. */
  of(key: number | bigint | string): number {
    const known = typeof key === 'bigint' ? Number(key) : key;
    return (isInArray(known) ? this.#array[known] : this.#map.get(known)) ?? 0;
  }

  /** `−ln p` of a key, where p is its share of all occurrences: its information in nats. */
  information(key: number | bigint | string): number {
    return -Math.log(this.of(key) / this.#total);
  }

  /** Writes keys in a fixed order, so that equal counts give equal text. */
  toJson(): KeyCountsJson {
    const entries = [...this.#entries()].sort(([a], [b]) => (`${a}` < `${b}` ? -1 : 1));
    return { keys: entries.map(([key]) => key), counts: entries.map(([, count]) => count) };
  }

  #add(key: number | string, count: number): void {
    this.#total += count;
    if (!isInArray(key)) {
      this.#map.set(key, (this.#map.get(key) ?? 0) + count);
      return;
    }
    if (key >= this.#array.length) this.#grow(key + 1);
    this.#array[key]! += count;
  }

  #grow(length: number): void {
    const grown = new Float64Array(Math.max(length, 2 * this.#array.length));
    grown.set(this.#array);
    this.#array = grown;
  }

  *#entries(): Generator<[number | string, number]> {
    for (const [key, count] of this.#array.entries()) if (count > 0) yield [key, count];
    yield* this.#map;
  }
}

/** {@link KeyCounts} as JSON. */
export interface KeyCountsJson {
  readonly keys: readonly (number | string)[];
  readonly counts: readonly number[];
}

function isInArray(key: number | string): key is number {
  return typeof key === 'number' && key >= 0 && key < largestInArray && Number.isInteger(key);
}
