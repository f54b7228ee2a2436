import { sharedBuffer } from '../../core/shared-buffer.js';

/** Small, since there is a list for each of thousands of files. */
const firstCapacity = 32;

/** A growing list of numbers, which ends in shared memory if available, so that threads read it without a copy. */
export class SharedNumbers {
  #numbers = new Float64Array(firstCapacity);
  length = 0;

  push(value: number): void {
    if (this.length === this.#numbers.length) {
      const longer = new Float64Array(2 * this.#numbers.length);
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[this.length++] = value;
  }

  last(): number | undefined {
    return this.length === 0 ? undefined : this.#numbers[this.length - 1];
  }

  shared(): Float64Array {
    const shared = new Float64Array(sharedBuffer(8 * this.length));
    shared.set(this.#numbers.subarray(0, this.length));
    return shared;
  }
}
