import {
  bytesPerElement,
  copyElements,
  type DType,
  type TypedArray,
  type TypedArrayOf,
  viewOf,
  zeros,
} from '../core/dtype.js';
import { copyExactly } from '../core/exact-elements.js';
import { isTensor, type Tensor } from '../core/tensor.js';
import type { Region } from '../kernels/kernel-memory.js';
import { type Kernels, kernels } from '../kernels/kernels.js';
import { noToken } from './no-token.js';
import type { TokenSource } from './token-source.js';

/** Bytes per copy through the kernels' memory, small enough for the second-level cache. */
const chunkBytes = 262_144;
/** Bytes reserved before a window to keep its offset modulo 8, which fast copies need. */
const slack = 8;

/** Copies windows of tokens, each as `length` inputs and the `length` tokens shifted by one, and widens them. */
export class WindowCopier {
  readonly #source: Tensor | TokenSource;
  readonly #length: number;
  readonly #dtype: DType;
  /** Kernel memory for windows in transit. */
  #staging: Region | undefined;

  /** @param dtype - The dtype of the windows. */
  constructor(source: Tensor | TokenSource, length: number, dtype: DType) {
    this.#source = source;
    this.#length = length;
    this.#dtype = dtype;
  }

  /**
   * Copies the windows that begin at tokens `starts`.
   *
   * @param x - Receives the inputs, `[starts.length, length]` row by row; `y` likewise the tokens after them.
   */
  copy(starts: Float64Array, x: TypedArray, y: TypedArray): void {
    const loaded = kernels();
    if (loaded && isFast(this.#source, this.#dtype)) this.#copyFast(loaded, starts, x, y);
    else this.#copyPlainly(starts, x, y);
  }

  #copyFast(loaded: Kernels, starts: Float64Array, x: TypedArray, y: TypedArray): void {
    const length = this.#length;
    const outBytes = length * bytesPerElement(this.#dtype);
    const windowBytes = (length + 1) * bytesPerElement(this.#source.dtype);
    const stride = Math.ceil((windowBytes + slack) / 8) * 8;
    const { memory } = loaded;
    // Lent batches are already in the kernels' memory.
    const direct = memory.addressOf(x) !== undefined && memory.addressOf(y) !== undefined;
    const bytesPerWindow = 4 + stride + (direct ? 0 : 2 * outBytes);
    const chunk = Math.max(1, Math.min(starts.length, Math.floor(chunkBytes / bytesPerWindow)));
    const region = this.#reserve(loaded, chunk * bytesPerWindow + slack);
    if (!region) {
      this.#copyPlainly(starts, x, y);
      return;
    }
    const input = region.address;
    const addressTable = input + chunk * stride;
    const output = Math.ceil((addressTable + chunk * 4) / 8) * 8;
    const addresses = new Uint32Array(memory.buffer, addressTable, chunk);
    const staged = new Uint8Array(memory.buffer, input, chunk * stride);
    for (let done = 0; done < starts.length; done += chunk) {
      const part = starts.subarray(done, done + chunk);
      this.#read(part, staged, stride);
      const tokenBytes = bytesPerElement(this.#source.dtype);
      for (let k = 0; k < part.length; k++) addresses[k] = input + k * stride + ((part[k]! * tokenBytes) % 8);
      if (direct) {
        const offset = done * outBytes;
        this.#run(loaded, addressTable, part.length, x.byteOffset + offset, y.byteOffset + offset);
        continue;
      }
      const xStaged = output;
      const yStaged = output + part.length * outBytes;
      this.#run(loaded, addressTable, part.length, xStaged, yStaged);
      const elements = part.length * length;
      copyElements(viewOf(this.#dtype, memory.buffer, xStaged, elements), x, done * length);
      copyElements(viewOf(this.#dtype, memory.buffer, yStaged, elements), y, done * length);
    }
  }

  #run({ functions }: Kernels, addresses: number, count: number, x: number, y: number): void {
    const from = this.#source.dtype;
    if (from === this.#dtype)
      functions.copyWindows(addresses, count, this.#length, bytesPerElement(from), x, y);
    else functions[widening[from as WideningSource]](addresses, count, this.#length, x, y);
  }

  #read(starts: Float64Array, target: Uint8Array, stride: number): void {
    const count = this.#length + 1;
    if (!isTensor(this.#source)) {
      this.#source.readTokenRanges!(starts, count, target, stride);
      return;
    }
    const { data } = this.#source;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const size = data.BYTES_PER_ELEMENT;
    for (let k = 0; k < starts.length; k++) {
      const start = starts[k]! * size;
      target.set(bytes.subarray(start, start + count * size), k * stride + (start % 8));
    }
  }

  #copyPlainly(starts: Float64Array, x: TypedArray, y: TypedArray): void {
    for (let k = 0; k < starts.length; k++) {
      const both = convert(this.readTokens(starts[k]!), this.#dtype);
      copyElements(both.subarray(0, -1), x, k * this.#length);
      copyElements(both.subarray(1), y, k * this.#length);
    }
  }

  /** Tokens `start … start + count - 1` in the stored dtype: by default a window and the token after it. */
  readTokens(start: number, count = this.#length + 1): TypedArray {
    return isTensor(this.#source)
      ? this.#source.data.subarray(start, start + count)
      : this.#source.readTokens(start, count);
  }

  #reserve(loaded: Kernels, byteLength: number): Region | undefined {
    if (this.#staging && this.#staging.byteLength >= byteLength) return this.#staging;
    if (this.#staging) loaded.memory.free(this.#staging);
    this.#staging = loaded.memory.allocate(byteLength);
    return this.#staging;
  }
}

/** Copies the elements to another dtype. @throws {@link CollateError} for a token that it cannot represent */
export function convert<D extends DType>(tokens: TypedArray, dtype: D): TypedArrayOf<D> {
  const out = zeros(dtype, tokens.length);
  copyExactly(tokens, out, dtype, 0, (token, k) => noToken(token, { token: k }, dtype));
  return out;
}

const widening = {
  int8: 'widenWindows8s',
  uint8: 'widenWindows8u',
  int16: 'widenWindows16s',
  uint16: 'widenWindows16u',
} as const;

type WideningSource = keyof typeof widening;

function isFast(source: Tensor | TokenSource, dtype: DType): boolean {
  if (!isTensor(source) && !source.readTokenRanges) return false;
  return source.dtype === dtype || (dtype === 'int32' && Object.hasOwn(widening, source.dtype));
}
