import { AcceleratorError, ConfigError, MissingPeerError } from '../core/errors.js';
import { environment } from '../core/platform.js';
import { messageOf } from '../core/thrown.js';
import { warn } from '../core/warn.js';
import { type Accelerator, acceleratorMethods } from './accelerator.js';
import { CpuAccelerator } from './cpu-accelerator.js';
import { CudaAccelerator } from './cuda/cuda-accelerator.js';
import { CudaAbsentError } from './cuda/cuda-driver.js';
import { WebGpuAccelerator } from './webgpu/webgpu-accelerator.js';

/** Values of `DS_ACCELERATOR`: DeepSpeed's, and `webgpu`. */
export const acceleratorNames = [
  'cuda',
  'cpu',
  'xpu',
  'npu',
  'mps',
  'hpu',
  'mlu',
  'sdaa',
  'supa',
  'webgpu',
] as const;

/** A value of `DS_ACCELERATOR`. */
export type AcceleratorName = (typeof acceleratorNames)[number];

let current: Accelerator | undefined;

/**
 * The accelerator of this process, the same one at each call: the one that the environment variable `DS_ACCELERATOR`
 * names, else a CUDA device if present, else the processor. Missing hardware is skipped silently; a CUDA driver that
 * does not work causes a warning.
 *
 * @throws {@link ConfigError} if `DS_ACCELERATOR` is not the name of an accelerator.
 * @throws {@link AcceleratorError} if the requested one cannot be used. For WebGPU, await {@link openAccelerator}
 *   first.
 */
export function getAccelerator(): Accelerator {
  current ??= selectAccelerator(requestedName());
  return current;
}

/**
 * Opens the accelerator of this process, which {@link getAccelerator} then returns. Required for WebGPU, which opens
 * asynchronously; for others, {@link getAccelerator} suffices.
 *
 * @param name - The accelerator. @defaultValue `DS_ACCELERATOR`, else CUDA if present, else the processor
 * @throws The same errors as {@link getAccelerator}.
 */
export async function openAccelerator(name?: AcceleratorName): Promise<Accelerator> {
  const requested = name ?? requestedName();
  current = requested === 'webgpu' ? await WebGpuAccelerator.open() : selectAccelerator(requested);
  return current;
}

/**
 * Replaces the accelerator of this process.
 *
 * @throws {@link ConfigError} if the object lacks methods of {@link Accelerator}; names all of them.
 */
export function setAccelerator(accelerator: Accelerator): void {
  const missing = acceleratorMethods.filter((method) => typeof accelerator?.[method] !== 'function');
  if (missing.length > 0) {
    throw new ConfigError(
      'setAccelerator',
      missing.map((method) => ({ field: method, message: 'must be a function' })),
      { next: 'Pass an object with every method of the Accelerator interface.' },
    );
  }
  current = accelerator;
}

function requestedName(): string | undefined {
  return environment.DS_ACCELERATOR;
}

function selectAccelerator(requested: string | undefined): Accelerator {
  if (requested === undefined || requested === '') return findCuda() ?? new CpuAccelerator();
  if (requested === 'cpu') return new CpuAccelerator();
  if (requested === 'cuda') return new CudaAccelerator();
  if (requested === 'webgpu') {
    throw new AcceleratorError('No WebGPU device has been opened', {
      where: { accelerator: 'webgpu' },
      next: "Call await openAccelerator('webgpu') at the start of the program.",
    });
  }
  if (!acceleratorNames.some((name) => name === requested)) {
    throw new ConfigError(
      'Environment',
      [{ field: 'DS_ACCELERATOR', message: `"${requested}" is not an accelerator` }],
      { next: `Use one of ${acceleratorNames.join(', ')}, or unset it.` },
    );
  }
  throw new AcceleratorError(`This version cannot use ${requested} devices`, {
    where: { accelerator: requested },
    next: `Set DS_ACCELERATOR to cpu, cuda or webgpu, or unset it.`,
  });
}

function findCuda(): CudaAccelerator | undefined {
  const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined;
  if (!isNode) return undefined;
  try {
    return new CudaAccelerator();
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (!(error instanceof CudaAbsentError) && !(error instanceof MissingPeerError))
      warn({
        code: 'MILLRACE_CUDA_UNUSABLE',
        message: `A CUDA driver was found but cannot be used; using the processor instead. ${messageOf(error)}`,
      });
    return undefined;
  }
}
