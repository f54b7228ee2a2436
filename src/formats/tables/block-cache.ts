/** The pieces of a file that were used last, decoded. Pieces that are asked for together are made once. */
export class BlockCache<B> {
  readonly #capacity: number;
  readonly #blocks = new Map<string, B | Promise<B>>();

  /** @param capacity - How many are kept. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The block of a name, at once where it is there. */
  get(name: string, make: () => Promise<B>): B | Promise<B> {
    const known = this.#blocks.get(name);
    if (known !== undefined) {
      // The last in the map is the one that was used last.
      this.#blocks.delete(name);
      this.#blocks.set(name, known);
      return known;
    }
    const making = make().then(
      (block) => {
        if (this.#blocks.has(name)) this.#blocks.set(name, block);
        return block;
      },
      (error: unknown) => {
        this.#blocks.delete(name);
        throw error;
      },
    );
    this.#blocks.set(name, making);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= this.#capacity) break;
      this.#blocks.delete(oldest);
    }
    return making;
  }
}
