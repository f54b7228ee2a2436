import { ReleasedBatchError } from '../core/errors.js';

/** How long a batch on a device may be used. */
export interface DeviceLoan {
  hasEnded: boolean;
}

/** @throws {@link ReleasedBatchError} when the memory of a batch holds another one by now. */
export function refuseEnded({ hasEnded }: DeviceLoan, shape: readonly number[]): void {
  if (!hasEnded) return;
  throw new ReleasedBatchError(
    'This batch was given back: its device memory holds another one by now, or is freed',
    {
      where: { shape: `[${shape}]` },
      next: 'Use a batch before the next one is asked for and inside of the loop, or copy on the device what is to stay.',
    },
  );
}
