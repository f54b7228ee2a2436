import { AcceleratorError, ConfigError, MissingPeerError } from '../core/errors.js';
import { warn } from '../core/warn.js';
import { type Accelerator, acceleratorMethods } from './accelerator.js';
import { CpuAccelerator } from './cpu-accelerator.js';
import { CudaAccelerator } from './cuda/cuda-accelerator.js';
import { CudaAbsentError } from './cuda/cuda-driver.js';
import { processEnvironment } from './environment-number.js';
import { WebGpuAccelerator } from './webgpu/webgpu-accelerator.js';

/** Names that `DS_ACCELERATOR` may have: those of DeepSpeed, and `webgpu`. */
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

/** A name that `DS_ACCELERATOR` may have. */
export type AcceleratorName = (typeof acceleratorNames)[number];

let current: Accelerator | undefined;

/**
 * The accelerator of this process, the same one at each call. The environment variable `DS_ACCELERATOR` names it; without it, it
 * is a CUDA device where there is one, else the processor. Hardware that is not there is passed over quietly; a CUDA driver that
 * is there and does not work is warned of.
 *
 * @throws {@link ConfigError} when `DS_ACCELERATOR` is not an {@link AcceleratorName}.
 * @throws {@link AcceleratorError} when the named one cannot be used; it says what was looked for. WebGPU is opened
 *   asynchronously, by {@link openAccelerator}, before it can be had here.
 */
export function getAccelerator(): Accelerator {
  current ??= selectAccelerator(requestedName());
  return current;
}

/**
 * Opens the accelerator of this process, and makes it the one that {@link getAccelerator} gives. The way to a device of WebGPU,
 * which is opened asynchronously; any other is what {@link getAccelerator} would give.
 *
 * @param name - Which one. @defaultValue what `DS_ACCELERATOR` names, else CUDA where there is one, else the processor
 * @throws As {@link getAccelerator}.
 */
export async function openAccelerator(name?: AcceleratorName): Promise<Accelerator> {
  const requested = name ?? requestedName();
  current = requested === 'webgpu' ? await WebGpuAccelerator.open() : selectAccelerator(requested);
  return current;
}

/**
 * Replaces the accelerator of this process.
 *
 * @throws {@link ConfigError} when the object lacks a method of {@link Accelerator}; it names all that are missing.
 */
export function setAccelerator(accelerator: Accelerator): void {
  const missing = acceleratorMethods.filter((method) => typeof accelerator?.[method] !== 'function');
  if (missing.length > 0) {
    throw new ConfigError(
      'setAccelerator',
      missing.map((method) => ({ field: method, message: 'must be a function' })),
      { next: 'Give an object with every method of the Accelerator interface.' },
    );
  }
  current = accelerator;
}

function requestedName(): string | undefined {
  return processEnvironment().DS_ACCELERATOR;
}

function selectAccelerator(requested: string | undefined): Accelerator {
  if (requested === undefined || requested === '') return findCuda() ?? new CpuAccelerator();
  if (requested === 'cpu') return new CpuAccelerator();
  if (requested === 'cuda') return new CudaAccelerator();
  if (requested === 'webgpu') {
    throw new AcceleratorError('A WebGPU device is opened asynchronously, and none has been opened', {
      where: { accelerator: 'webgpu' },
      next: 'Call await openAccelerator() at the start of the program.',
    });
  }
  if (!(acceleratorNames as readonly string[]).includes(requested)) {
    throw new ConfigError(
      'Environment',
      [{ field: 'DS_ACCELERATOR', message: `"${requested}" is not an accelerator` }],
      { next: `Use one of ${acceleratorNames.join(', ')}, or unset it.` },
    );
  }
  throw new AcceleratorError(`This version cannot use ${requested} devices`, {
    where: { accelerator: requested },
    next: `Looked for ${requested} among those that it can use: cpu, cuda, webgpu. Set DS_ACCELERATOR to one of them, or unset it.`,
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
        message: `There is a CUDA driver, but it cannot be used; going on with the processor. ${(error as Error).message}`,
      });
    return undefined;
  }
}
