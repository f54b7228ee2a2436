import { type PhiloxKey, PhiloxStream } from './philox.js';

/**
 * A random order as a table, for short lengths: every order is equally likely (Fisher-Yates shuffle). Callers check
 * arguments.
 */
export class KeyedTable {
  readonly #indices: Uint16Array;
  #positions: Uint16Array | undefined;

  constructor(length: number, key: PhiloxKey) {
    this.#indices = Uint16Array.from({ length }, (_, i) => i);
    const stream = new PhiloxStream(key);
    for (let i = length - 1; i > 0; i--) {
      const j = stream.below(i + 1);
      const kept = this.#indices[i]!;
      this.#indices[i] = this.#indices[j]!;
      this.#indices[j] = kept;
    }
  }

  at(position: number): number {
    return this.#indices[position]!;
  }

  indexOf(index: number): number {
    this.#positions ??= invert(this.#indices);
    return this.#positions[index]!;
  }

  fill(out: { [position: number]: number }, count: number, start: number, step: number): void {
    for (let i = 0, position = start; i < count; i++, position += step) out[i] = this.#indices[position]!;
  }
}

function invert(indices: Uint16Array): Uint16Array {
  const positions = new Uint16Array(indices.length);
  for (let i = 0; i < indices.length; i++) positions[indices[i]!] = i;
  return positions;
}
