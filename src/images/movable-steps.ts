import { WorkerTransferError } from '../core/errors.js';
import type { ImageTransform } from './image-transform.js';

/** Checks that a worker can have the steps. @throws {@link WorkerTransferError} if one of them is a function. */
export function movableSteps(steps: readonly ImageTransform[]): readonly ImageTransform[] {
  const own = steps.findIndex((step) => typeof step === 'function' || step.type === 'afterNormalize');
  if (own < 0) return steps;
  throw new WorkerTransferError(
    `Step ${own} of the image transforms is a function and cannot be moved into a worker`,
    {
      next:
        `Make the dataset in a module of its own, so that each worker makes its own steps: ` +
        `new DataLoader(new URL('./dataset.js', import.meta.url), …); or use numWorkers: 0.`,
    },
  );
}

/** What identifies steps in a fingerprint: plain data, and the names of functions. */
export function stepsIdentity(steps: readonly ImageTransform[]): string {
  const identityOf = (step: ImageTransform) => {
    if (typeof step === 'function') return { function: step.name };
    return step.type === 'afterNormalize' ? { type: step.type, function: step.change.name } : step;
  };
  return JSON.stringify(steps.map(identityOf));
}
