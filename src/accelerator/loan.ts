import { ReleasedBatchError } from '../core/errors.js';

/** The loan of a batch on a device. */
export interface DeviceLoan {
  hasEnded: boolean;
}

/** @throws {@link ReleasedBatchError} if the loan has ended */
export function assertLent({ hasEnded }: DeviceLoan, shape: readonly number[]): void {
  if (!hasEnded) return;
  throw new ReleasedBatchError(
    'This batch was released: its device memory was freed or holds another batch',
    {
      where: { shape: `[${shape}]` },
      next: 'Use a batch inside the loop, before requesting the next one, or copy it on the device.',
    },
  );
}
