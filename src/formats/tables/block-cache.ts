/** The most recently used decoded blocks (LRU). Concurrent requests for a block decode it once. */
export class BlockCache<B> {
  readonly #capacity: number;
  readonly #blocks = new Map<string, B | Promise<B>>();

  /** @param capacity - Number of blocks that are kept. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Returns a block, synchronously if it is cached. */
  get(name: string, make: () => Promise<B>): B | Promise<B> {
    const known = this.#blocks.get(name);
    if (known !== undefined) {
      // Reinsertion moves the entry to the end of the map, the most recently used.
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
