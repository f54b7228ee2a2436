import { formatCompact } from '../../web/kit/numbers.js';
import { shardReadsOf } from '../shard-reads.js';
import type { Progress } from '../terminal/progress.js';
import { adviceFor } from './advice.js';
import { measureLimits } from './machine-limits.js';
import { measurePipeline } from './measure-pipeline.js';
import { openPipeline } from './pipeline.js';
import type { BenchResult } from './render-bench.js';
import { tunePipeline } from './tune-pipeline.js';

export interface BenchPipelineOptions {
  readonly batchSize: number;
  /** Duration of each measurement. */
  readonly seconds: number;
  readonly stepMs: number;
  /** Numbers of workers to try. */
  readonly workers: readonly number[] | undefined;
  readonly progress: Progress;
}

/** Measures a pipeline as configured, and with other numbers of workers and prefetch factors. */
export async function benchPipeline(what: string, options: BenchPipelineOptions): Promise<BenchResult> {
  const { batchSize, seconds, stepMs, workers, progress } = options;
  const pipeline = await openPipeline(what, { batchSize });
  const measurement = { seconds, stepMs };
  try {
    let stage = progress.stage('as configured', seconds);
    const onTried = ({ samplesPerSecond }: { readonly samplesPerSecond: number }): void =>
      stage.finish(`${formatCompact(samplesPerSecond)} samples/s`);
    const configured = await measurePipeline(pipeline.loader, {
      ...measurement,
      onProgress: (done) => stage.update(done),
    });
    onTried(configured);
    const limits = measureLimits(configured.bytesPerBatch, pipeline.file);
    const onTry = (title: string) => {
      stage = progress.stage(title, seconds);
      return (done: number): void => stage.update(done);
    };
    const { tried, best } = await tunePipeline(pipeline.loader, { measurement, workers, onTry, onTried });
    const reads = shardReadsOf(pipeline.loader);
    return {
      what,
      stepMs,
      configured,
      limits,
      tried,
      best,
      reads,
      advice: adviceFor(configured, best, reads),
    };
  } finally {
    await pipeline.close();
  }
}
