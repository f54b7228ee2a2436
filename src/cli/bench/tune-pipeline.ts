import { availableParallelism } from 'node:os';
import { measurePipeline, type PipelineMeasurement, type PipelineSpeed } from './measure-pipeline.js';
import type { AnyDataLoader } from './pipeline.js';

/** Batches ahead that are tried with the best number of workers. */
const prefetchFactors = [4, 8];
/** More workers must be worth it: each takes memory and a processor. */
const worthWhile = 1.05;

export interface Tuning {
  /** Everything that was tried, in that order. */
  readonly tried: readonly PipelineSpeed[];
  /** The fastest; of those that are nearly as fast, the one with the least workers. */
  readonly best: PipelineSpeed;
}

/** Numbers of workers to try: none, and powers of two up to the processors. */
export function workerCounts(processors: number): number[] {
  const counts = [0];
  for (let count = 1; count <= processors; count *= 2) counts.push(count);
  if (counts.at(-1) !== processors) counts.push(processors);
  return counts;
}

/** What is done for each try. */
export interface TuningSteps {
  readonly measurement: Omit<PipelineMeasurement, 'onProgress'>;
  readonly workers: readonly number[] | undefined;
  /** Is told what is tried. @returns takes the progress of it */
  onTry(title: string): (doneSeconds: number) => void;
  onTried(speed: PipelineSpeed): void;
}

/** Tries numbers of workers, then of batches ahead, then batches that are lent. */
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
  // Batches without tensors have nothing to lend.
  if (best.bytesPerBatch > 0) await attempt(best.numWorkers, Math.max(1, best.prefetchFactor), true);
  return { tried, best: bestOf(tried) };
}

/** The first that nothing later beats by enough to matter. Pure. */
export function bestOf(tried: readonly PipelineSpeed[]): PipelineSpeed {
  return tried.reduce((best, speed) =>
    speed.samplesPerSecond > best.samplesPerSecond * worthWhile ? speed : best,
  );
}
