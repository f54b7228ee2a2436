import type { ResolvedOptions } from '../data-loader-options.js';

/** How many workers a loader begins with, and how far they and their batches ahead may grow. */
export interface WorkerPlan {
  readonly numWorkers: number;
  readonly maxWorkers: number;
  readonly prefetchFactor: number;
  readonly maxPrefetchFactor: number;
  /** Whether it may do without workers where they are not possible. */
  readonly optional: boolean;
}

/** PyTorch's default, and what `'auto'` begins with. */
const defaultPrefetchFactor = 2;
const maxPrefetchFactor = 16;
/** One worker shows how long a batch takes; two show it sooner. */
const firstWorkers = 2;

/** The plan for options: `'auto'` leaves one processor to the consumer. */
export function planWorkers({ numWorkers, prefetchFactor }: ResolvedOptions): WorkerPlan {
  const ahead =
    prefetchFactor === 'auto' && numWorkers !== 0
      ? { prefetchFactor: defaultPrefetchFactor, maxPrefetchFactor }
      : fixed(prefetchFactor);
  if (numWorkers !== 'auto') return { numWorkers, maxWorkers: numWorkers, ...ahead, optional: false };
  const maxWorkers = Math.max(1, processors() - 1);
  return { numWorkers: Math.min(firstWorkers, maxWorkers), maxWorkers, ...ahead, optional: true };
}

function fixed(prefetchFactor: number | 'auto') {
  const ahead = prefetchFactor === 'auto' ? 0 : prefetchFactor;
  return { prefetchFactor: ahead, maxPrefetchFactor: ahead };
}

/** Threads that this process may run at once. */
function processors(): number {
  if (typeof process !== 'undefined' && process.getBuiltinModule)
    return process.getBuiltinModule('node:os').availableParallelism();
  return (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 1;
}
