import { setTimeout } from 'node:timers/promises';
import { type RunFigures, RunStatistics, type StageName } from '../../monitor/run-statistics.js';
import type { AnyDataLoader } from './pipeline.js';

/** Options of a measurement. */
export interface PipelineMeasurement {
  readonly seconds: number;
  /** Simulated duration of a training step, in milliseconds. */
  readonly stepMs: number;
  readonly onProgress: (doneSeconds: number) => void;
}

/** Speed of a pipeline, without its first batch. */
export interface PipelineSpeed {
  readonly numWorkers: number;
  readonly prefetchFactor: number;
  readonly reuseBuffers: boolean;
  readonly batches: number;
  readonly batchesPerSecond: number;
  readonly samplesPerSecond: number;
  readonly tokensPerSecond: number;
  readonly bytesPerSecond: number;
  readonly bytesPerBatch: number;
  /** Milliseconds per batch and stage, over all threads. */
  readonly stageMs: Readonly<Record<StageName, number>>;
  /** Milliseconds per batch spent in the consumer. */
  readonly consumerMs: number;
  /** Share of the time spent waiting, 0 … 1. */
  readonly waitShare: number;
  /** Time to the first batch, including the start of workers. */
  readonly firstBatchMs: number;
}

/** Runs a loader, epoch after epoch, and closes it. */
export async function measurePipeline(
  loader: AnyDataLoader,
  { seconds, stepMs, onProgress }: PipelineMeasurement,
): Promise<PipelineSpeed> {
  const statistics = new RunStatistics();
  const asked = performance.now();
  let first = 0;
  try {
    const read = statistics.reader();
    await eachBatch(loader, async () => {
      if (first === 0) {
        first = performance.now();
        loader.observe(statistics.receive);
      }
      if (stepMs > 0) await setTimeout(stepMs);
      const done = (performance.now() - first) / 1_000;
      onProgress(done);
      return done < seconds || statistics.totals().batches === 0;
    });
    const { numWorkers, prefetchFactor } = loader.stats();
    return {
      numWorkers,
      prefetchFactor,
      ...speedOf(read()),
      firstBatchMs: first - asked,
      reuseBuffers: false,
    };
  } finally {
    await loader.close();
  }
}

async function eachBatch(loader: AnyDataLoader, goOn: () => Promise<boolean>): Promise<void> {
  for (let empty = true; ; empty = true) {
    for await (const _ of loader) {
      empty = false;
      if (!(await goOn())) return;
    }
    if (empty) return;
  }
}

function speedOf(figures: RunFigures) {
  const { batches, elapsedMs, waitMs, waitShare, bytes, stageMs } = figures;
  const perBatch = (total: number): number => (batches === 0 ? 0 : total / batches);
  return {
    batches,
    batchesPerSecond: elapsedMs === 0 ? 0 : (batches * 1_000) / elapsedMs,
    samplesPerSecond: figures.samplesPerSecond,
    tokensPerSecond: figures.tokensPerSecond,
    bytesPerSecond: figures.bytesPerSecond,
    bytesPerBatch: perBatch(bytes),
    stageMs: Object.fromEntries(
      Object.entries(stageMs).map(([stage, ms]) => [stage, perBatch(ms)]),
    ) as Record<StageName, number>,
    consumerMs: perBatch(elapsedMs - waitMs),
    waitShare,
  };
}
