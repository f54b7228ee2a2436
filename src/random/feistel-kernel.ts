import { type KernelFunctions, kernels } from '../kernels/kernels.js';

/** Up to this length both halves of a number are below 2^21, as the kernel needs them. */
export const longestForKernel = 2 ** 42;

/** Numbers that a run computes at most. */
export const kernelBlock = 512;

const keyWords = 6;

/** Loading the kernels takes about as long as they save on so many numbers. */
const repaid = 65_536;

/** The rounds of a network in WebAssembly, four numbers at a time. */
export class FeistelKernel {
  /** What the last run computed. */
  readonly numbers: Float64Array;
  readonly #key: Int32Array;
  readonly #compute: KernelFunctions['feistelNumbers'];

  private constructor(numbers: Float64Array, key: Int32Array, compute: KernelFunctions['feistelNumbers']) {
    this.numbers = numbers;
    this.#key = key;
    this.#compute = compute;
  }

  /** The kernel, or `null` where there is none or no memory for it. */
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

  /** Computes {@link numbers} from `start`, `start + step`, …, before walking along cycles. */
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

/** The thread's kernel, for `count` more numbers; `null` where there is none, and as long as loading it would not pay. */
export function feistelKernel(count: number): FeistelKernel | null {
  if (kernel !== undefined) return kernel;
  computed += count;
  if (computed < repaid) return null;
  kernel = FeistelKernel.load();
  return kernel;
}
