import type { ImageKernelFunctions } from '../../kernels/image-kernels.js';
import { type ImageWorkspace, imageWorkspace } from '../image-workspace.js';

/** Kernels work in vectors of up to 16 bytes; an image with fewer pixels is quick without them. */
const leastPixels = 16;

/** Bytes beyond an array that kernels may read or write. */
const margin = 16;

/** A call of kernels: addresses of the source and the target, and room for tables. */
export interface KernelCall {
  readonly functions: ImageKernelFunctions;
  readonly source: number;
  readonly target: number;
  readonly workspace: ImageWorkspace;
}

/** Bytes of an image, or its address in kernel memory, where 16 bytes beyond it can be read. */
type Source = Uint8Array | number;

/**
 * Runs kernels on a copy of an image, in the workspace of this thread.
 *
 * @param source - Planes of `pixels` bytes each.
 * @param resultBytes - Bytes that `run` writes.
 * @returns a copy of what `run` wrote; `undefined` without kernels, or for an image that is too small for them.
 */
export function runKernel(
  source: Source,
  pixels: number,
  resultBytes: number,
  run: (call: KernelCall) => void,
): Uint8Array | undefined {
  const call = kernelCall(source, pixels, resultBytes);
  if (!call) return undefined;
  run(call);
  const result = new Uint8Array(resultBytes);
  result.set(call.workspace.bytes('planar result', resultBytes + margin).subarray(0, resultBytes));
  return result;
}

/** Runs a kernel that reads an image and returns a number; `undefined` as in {@link runKernel}. */
export function askKernel(
  source: Source,
  pixels: number,
  ask: (call: KernelCall) => number,
): number | undefined {
  const call = kernelCall(source, pixels, 0);
  return call && ask(call);
}

function kernelCall(source: Source, pixels: number, resultBytes: number): KernelCall | undefined {
  const workspace = imageWorkspace();
  const { kernels } = workspace;
  if (!kernels || pixels < leastPixels) return undefined;
  const address = typeof source === 'number' ? source : copyOf(source, workspace);
  const { byteOffset } = workspace.bytes('planar result', resultBytes + margin);
  return { functions: kernels.functions, source: address, target: byteOffset, workspace };
}

function copyOf(source: Uint8Array, workspace: ImageWorkspace): number {
  const copy = workspace.bytes('planar source', source.length + margin);
  copy.set(source);
  return copy.byteOffset;
}
