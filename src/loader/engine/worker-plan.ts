import type { ResolvedOptions } from '../resolve-options.js';

/** Initial and maximum numbers of workers and of batches ahead of a loader. */
export interface WorkerPlan {
  readonly numWorkers: number;
  readonly maxWorkers: number;
  readonly prefetchFactor: number;
  readonly maxPrefetchFactor: number;
  /** Whether the loader may run without workers if they are impossible. */
  readonly optional: boolean;
}

/** PyTorch's default, with which `'auto'` starts. */
const defaultPrefetchFactor = 2;
const maxPrefetchFactor = 16;
/** Initial workers of `'auto'`: one is enough to measure a batch; two measure it sooner. */
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

/** Number of threads that this process can run at once. */
function processors(): number {
  if (typeof process !== 'undefined' && process.getBuiltinModule)
    return process.getBuiltinModule('node:os').availableParallelism();
  return (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 1;
}
