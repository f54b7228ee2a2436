import { wasmBase64 } from './image-wasm-bytes.js';
import { type Kernels, kernels, oncePerThread } from './kernels.js';

/** The exports of `assembly/images.ts`; see {@link KernelFunctions}. */
export interface ImageKernelFunctions {
  resizeRgbx(
    source: number,
    stride: number,
    xStarts: number,
    xWeights: number,
    xTaps: number,
    yStarts: number,
    yWeights: number,
    yTaps: number,
    width: number,
    height: number,
    flip: number,
    ring: number,
    ringRows: number,
    target: number,
  ): void;
  normalizeRgbx(
    source: number,
    pixels: number,
    target: number,
    interleaved: number,
    ...scaleAndBias: readonly number[]
  ): void;
}

export type ImageKernels = Kernels<ImageKernelFunctions>;

/** This thread's image kernels, in the same memory as the other kernels; `undefined` if unsupported. */
export function imageKernels(): ImageKernels | undefined {
  const others = kernels();
  return others && oncePerThread(wasmBase64, () => others.memory);
}
