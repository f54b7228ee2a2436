/** Rows that were read together. */
interface ReadRows<T> {
  readonly places: ReadonlyMap<number, number>;
  readonly make: (place: number) => T;
}

/** Joins the requests for rows that are made without waiting for each other, as those of a batch are, and reads them together. */
export class RowRequests<T> {
  readonly #read: (rows: readonly number[]) => Promise<(place: number) => T>;
  #next: { readonly rows: Set<number>; readonly reading: Promise<ReadRows<T>> } | undefined;

  /** @param read - Reads rows, given once each in ascending order. Returns what makes the row at a place among them. */
  constructor(read: (rows: readonly number[]) => Promise<(place: number) => T>) {
    this.#read = read;
  }

  async get(row: number): Promise<T> {
    this.#next ??= this.#collect();
    this.#next.rows.add(row);
    const { places, make } = await this.#next.reading;
    return make(places.get(row)!);
  }

  #collect() {
    const rows = new Set<number>();
    const reading = Promise.resolve().then(async () => {
      this.#next = undefined;
      const ascending = [...rows].sort((a, b) => a - b);
      const make = await this.#read(ascending);
      return { places: new Map(ascending.map((row, place) => [row, place])), make };
    });
    return { rows, reading };
  }
}
