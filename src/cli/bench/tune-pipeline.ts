import { availableParallelism } from 'node:os';
import { measurePipeline, type PipelineMeasurement, type PipelineSpeed } from './measure-pipeline.js';
import type { AnyDataLoader } from './pipeline.js';

/** Prefetch factors tried with the best number of workers. */
const prefetchFactors = [4, 8];
/** Minimum gain for more workers, each of which takes memory and a core. */
const worthWhile = 1.05;

export interface Tuning {
  /** All trials, in order. */
  readonly tried: readonly PipelineSpeed[];
  /** The fastest trial; among trials nearly as fast, the one with the fewest workers. */
  readonly best: PipelineSpeed;
}

/** Numbers of workers to try: 0, and powers of two up to the number of cores. */
export function workerCounts(processors: number): number[] {
  const counts = [0];
  for (let count = 1; count <= processors; count *= 2) counts.push(count);
  if (counts.at(-1) !== processors) counts.push(processors);
  return counts;
}

/** Measures one trial. */
export interface TuningSteps {
  readonly measurement: Omit<PipelineMeasurement, 'onProgress'>;
  readonly workers: readonly number[] | undefined;
  /** Called with each trial. @returns a callback for its progress. */
  onTry(title: string): (doneSeconds: number) => void;
  onTried(speed: PipelineSpeed): void;
}

/** Tries numbers of workers, then prefetch factors, then lent batches. */
export async function tunePipeline(loader: AnyDataLoader, steps: TuningSteps): Promise<Tuning> {
  const tried: PipelineSpeed[] = [];
  const attempt = async (
    numWorkers: number,
    prefetchFactor: number,
    reuseBuffers?: boolean,
  ): Promise<void> => {
    const variant = { numWorkers, prefetchFactor, ...(reuseBuffers !== undefined && { reuseBuffers }) };
    const ahead = numWorkers === 0 ? '' : `, ${prefetchFactor} ahead`;
    const title = `${numWorkers || 'no'} ${numWorkers === 1 ? 'worker' : 'workers'}${ahead}${reuseBuffers ? ', lent' : ''}`;
    const onProgress = steps.onTry(title);
    const speed = await measurePipeline(loader.variant(variant), { ...steps.measurement, onProgress });
    tried.push({ ...speed, reuseBuffers: reuseBuffers ?? false });
    steps.onTried(speed);
  };
  for (const numWorkers of steps.workers ?? workerCounts(availableParallelism()))
    await attempt(numWorkers, 2);
  const { numWorkers } = bestOf(tried);
  if (numWorkers > 0) for (const factor of prefetchFactors) await attempt(numWorkers, factor);
  const best = bestOf(tried);
  // Only tensors can be lent.
  if (best.bytesPerBatch > 0) await attempt(best.numWorkers, Math.max(1, best.prefetchFactor), true);
  return { tried, best: bestOf(tried) };
}

/** The first trial that no later one beats by a relevant gain. */
export function bestOf(tried: readonly PipelineSpeed[]): PipelineSpeed {
  return tried.reduce((best, speed) =>
    speed.samplesPerSecond > best.samplesPerSecond * worthWhile ? speed : best,
  );
}
