/** Words that are kept: 1 MiB; a power of two, as the lengths before it are. */
const longest = 2 ** 18;

/** First halves of the folds of the last batches, at most 2^18: they name the first batch that differs. */
export class ReceiptTrail {
  /** A ring once it is full. */
  #words = new Uint32Array(1024);
  #length = 0;

  append(word: number): void {
    if (this.#length === this.#words.length && this.#words.length < longest) {
      const longer = new Uint32Array(2 * this.#words.length);
      longer.set(this.#words);
      this.#words = longer;
    }
    this.#words[this.#length++ & (this.#words.length - 1)] = word;
  }

  /** What was appended last, in order. */
  words(): Uint32Array {
    const kept = Math.min(this.#length, this.#words.length);
    const words = new Uint32Array(kept);
    for (let k = 0; k < kept; k++) words[k] = this.#words[(this.#length - kept + k) % this.#words.length]!;
    return words;
  }

  clear(): void {
    this.#length = 0;
  }
}
