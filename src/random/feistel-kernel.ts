import { type KernelFunctions, kernels } from '../kernels/kernels.js';

/** Up to this length both halves of a number are below 2^21, the kernel's limit. */
export const longestForKernel = 2 ** 42;

/** Maximum count of one run. */
export const kernelBlock = 512;

const keyWords = 6;

/** Loading the kernels pays off after about this many numbers. */
const repaid = 65_536;

/** The rounds of a network in WebAssembly, four numbers at a time. */
export class FeistelKernel {
  /** Results of the last run. */
  readonly numbers: Float64Array;
  readonly #key: Int32Array;
  readonly #compute: KernelFunctions['feistelNumbers'];

  private constructor(numbers: Float64Array, key: Int32Array, compute: KernelFunctions['feistelNumbers']) {
    this.numbers = numbers;
    this.#key = key;
    this.#compute = compute;
  }

  /** Loads the kernel; `null` if kernels are unsupported or memory is exhausted. */
  static load(): FeistelKernel | null {
    const loaded = kernels();
    const numberBytes = kernelBlock * Float64Array.BYTES_PER_ELEMENT;
    const region = loaded?.memory.allocate(numberBytes + keyWords * Int32Array.BYTES_PER_ELEMENT);
    if (!loaded || !region) return null;
    const { buffer } = loaded.memory;
    return new FeistelKernel(
      new Float64Array(buffer, region.address, kernelBlock),
      new Int32Array(buffer, region.address + numberBytes, keyWords),
      loaded.functions.feistelNumbers,
    );
  }

  /** Computes {@link numbers} from `start`, `start + step`, …, without cycle walking. */
  run(
    key: Int32Array,
    leftCount: number,
    rightBits: number,
    start: number,
    step: number,
    count: number,
  ): void {
    for (let k = 0; k < keyWords; k++) this.#key[k] = key[k]!;
    this.#compute(this.#key.byteOffset, leftCount, rightBits, start, step, count, this.numbers.byteOffset);
  }
}

let computed = 0;
let kernel: FeistelKernel | null | undefined;

/** The thread's kernel, for `count` more numbers; `null` if unsupported, or until loading it pays off. */
export function feistelKernel(count: number): FeistelKernel | null {
  if (kernel !== undefined) return kernel;
  computed += count;
  if (computed < repaid) return null;
  kernel = FeistelKernel.load();
  return kernel;
}
