import type { MaybePromise } from '../../core/maybe-promise.js';

/**
 * Runs `work` for 0 … n - 1: synchronously while possible, the rest concurrently with a limit. On a failure, waits for work in
 * progress, so that nothing writes into an abandoned batch.
 */
export function eachOf(
  n: number,
  together: number,
  work: (i: number) => MaybePromise<void>,
): MaybePromise<void> {
  for (let i = 0; i < n; i++) {
    const made = work(i);
    if (made instanceof Promise) return rest(made, i + 1);
  }

  async function rest(first: Promise<void>, from: number): Promise<void> {
    let next = from;
    let failure: { readonly error: unknown } | undefined;
    const lane = async (begun?: Promise<void>): Promise<void> => {
      try {
        await begun;
        while (next < n && !failure) await work(next++);
      } catch (error) {
        failure ??= { error };
      }
    };
    await Promise.all([lane(first), ...Array.from({ length: together - 1 }, () => lane())]);
    if (failure) throw failure.error;
  }
}
