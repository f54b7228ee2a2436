import { SampleError } from '../../core/errors.js';
import type { PartReceipt } from '../../parts/part-receipt.js';

/** @throws {@link SampleError} if more samples of a map failed than may fail. */
export function checkFailures(receipts: readonly PartReceipt[], most = 0): void {
  const failures = receipts.reduce((sum, receipt) => sum + (receipt.failures ?? 0), 0);
  if (failures > most) throw tooMany(failures, most);
}

export function tooMany(failures: number, most: number, cause?: unknown, index?: number): SampleError {
  const what =
    failures === 1 ? 'The function failed on a sample' : `The function failed on ${failures} samples`;
  const message = cause instanceof Error ? `${what}: ${cause.message}` : what;
  return new SampleError(most === 0 ? message : `${message}; ${most} may fail`, {
    where: index === undefined ? { failures, most } : { index },
    next: 'Fix the function, or allow failures with maxFailures (--max-failures); their rows hold the error. Finished parts are kept.',
    cause,
  });
}
