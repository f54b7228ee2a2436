import { warn } from '../../core/warn.js';
import type { PassStart } from '../order/epoch-plan.js';

/** What a pass over a stream reads again before its first batch. */
export interface Replay {
  readonly batches: number;
  /** When it began: `performance.now()`. */
  readonly since: number;
}

/** What a pass over a stream reads again; nothing where all its shards have states. */
export function replayOf({ batch, streams }: PassStart): Replay | undefined {
  if (batch === 0 || streams?.shards.every(({ ended, state }) => ended || state)) return undefined;
  return { batches: batch, since: performance.now() };
}

/** Warns about the cost of a finished replay, and says how to avoid it. */
export function warnOfReplay({ batches, since }: Replay, dataset: string): void {
  const seconds = (performance.now() - since) / 1000;
  warn({
    code: 'MILLRACE_FAST_FORWARD',
    message:
      `${dataset} is a stream without a state of its own: ${batches === 1 ? '1 batch was' : `${batches} batches were`} read again to get ` +
      `to this position, in ${seconds.toFixed(seconds < 10 ? 2 : 0)} s. Let iterate() return a stream with stateDict() and continue ` +
      'from context.state to avoid this.',
  });
}
