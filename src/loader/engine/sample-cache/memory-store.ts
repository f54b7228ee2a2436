import type { SampleStore } from './kept-samples.js';

/** Entries begin at multiples of this. */
const unit = 8;
/** The next free unit, in the first element. */
const header = 1;

/**
 * Samples in memory that all workers share. It keeps the first samples that fit and evicts none: with epochs that visit every sample
 * once, evicting would drop samples just before they are needed.
 *
 * Writers reserve their range by one atomic addition and publish it when it is written, so no lock is needed. Layout, in 32-bit
 * elements: the next free unit; the unit of each sample, 0 if it is not kept; then the entries, each its length and its bytes.
 */
export class MemoryStore implements SampleStore {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #samples: number;
  readonly #firstUnit: number;
  readonly #units: number;

  /** @param samples - Samples of the dataset. */
  constructor(memory: SharedArrayBuffer, samples: number) {
    this.#words = new Int32Array(memory, 0, Math.floor(memory.byteLength / 4));
    this.#bytes = new Uint8Array(memory);
    this.#samples = samples;
    this.#firstUnit = Math.ceil(((header + samples) * 4) / unit);
    this.#units = Math.floor(memory.byteLength / unit);
  }

  read(index: number): Uint8Array | undefined {
    if (index >= this.#samples || this.#firstUnit >= this.#units) return undefined;
    const at = Atomics.load(this.#words, header + index);
    if (at === 0) return undefined;
    const length = this.#words[(at * unit) / 4]!;
    // A copy, because samples are rebuilt from memory that must not change.
    return this.#bytes.slice(at * unit + 4, at * unit + 4 + length);
  }

  write(index: number, bytes: Uint8Array): void {
    if (index >= this.#samples || this.#firstUnit >= this.#units) return;
    const needed = Math.ceil((4 + bytes.length) / unit);
    // Without this check a full memory would count up to an overflow.
    if (this.#firstUnit + Atomics.load(this.#words, 0) + needed > this.#units) return;
    const at = this.#firstUnit + Atomics.add(this.#words, 0, needed);
    if (at + needed > this.#units) return;
    this.#words[(at * unit) / 4] = bytes.length;
    this.#bytes.set(bytes, at * unit + 4);
    Atomics.store(this.#words, header + index, at);
  }
}
