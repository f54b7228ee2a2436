import { AcceleratorError, ConfigError } from '../core/errors.js';
import { type Accelerator, acceleratorMethods } from './accelerator.js';
import { CpuAccelerator } from './cpu-accelerator.js';

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

let current: Accelerator | undefined;

/**
 * The accelerator of this process, the same one at each call. The environment variable `DS_ACCELERATOR` names it;
 * without it, it is the processor.
 *
 * @throws {@link ConfigError} when `DS_ACCELERATOR` is not a name of {@link acceleratorNames}.
 * @throws {@link AcceleratorError} when the named one cannot be used.
 */
export function getAccelerator(): Accelerator {
  current ??= selectAccelerator(process.env.DS_ACCELERATOR);
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

function selectAccelerator(requested: string | undefined): Accelerator {
  if (requested === undefined || requested === '' || requested === 'cpu') return new CpuAccelerator();
  if (!(acceleratorNames as readonly string[]).includes(requested)) {
    throw new ConfigError(
      'Environment',
      [{ field: 'DS_ACCELERATOR', message: `"${requested}" is not an accelerator` }],
      { next: `Use one of ${acceleratorNames.join(', ')}, or unset it.` },
    );
  }
  throw new AcceleratorError(`DS_ACCELERATOR asks for ${requested}, which this version does not support`, {
    where: { accelerator: requested },
    next: `Looked for a ${requested} device among those this version can use: cpu. Set DS_ACCELERATOR=cpu or unset it.`,
  });
}
