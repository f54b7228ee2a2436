import { ConfigError } from '../core/errors.js';
import { type IndexRange, rangesOf } from '../parts/part-range.js';

/** What a plan depends on. */
export interface AnalysisSize {
  readonly samples: number;
  /** Metrics whose values are sorted. */
  readonly valueMetrics: number;
  /** Threads that measure in one process. */
  readonly threads: number;
  /** What a process may use. */
  readonly memoryBytes: number;
  /** Samples of a part. @defaultValue as many as give every thread several parts, up to 262,144 */
  readonly partSamples?: number | undefined;
}

/** How an analysis is cut up. */
export interface AnalysisPlan {
  /** Samples of each part but the last. */
  readonly partSamples: number;
  readonly ranges: readonly IndexRange[];
  /** Memory of a process while it measures and while it merges, at most. */
  readonly peakBytes: number;
  /** What the reduce may use to read parts. */
  readonly mergeBytes: number;
}

/**
 * The process, and one thread, with what the engine leaves uncollected at its worst: measured with ten million different values (300 MB
 * without threads), which leave the most garbage behind.
 */
const processBytes = 210e6;
const threadBytes = 70e6;

/** Measuring and sorting a sample: its value, its place, and the room to sort both. */
const mapBytesPerSample = 64;

/** A part that is read while parts are merged needs at least this. */
const leastPartBuffer = 32_768;

/** Parts that are open at once. */
const mostParts = 2_000;
const usualPart = 2 ** 18;
const leastPart = 2 ** 12;

/**
 * Cuts an analysis into parts that a thread measures and sorts in memory, and that one process can merge. Pure: the same numbers give the
 * same parts, so that a run that was stopped finds those that are there.
 *
 * @throws {@link ConfigError} when the memory does not suffice; says how much would.
 */
export function planAnalysis(size: AnalysisSize): AnalysisPlan {
  const { samples, valueMetrics, threads } = size;
  const free = size.memoryBytes - processBytes - threads * threadBytes;
  const perSample = mapBytesPerSample * Math.max(1, valueMetrics) * Math.max(1, threads);
  const largest = Math.floor(free / perSample);
  const parts = Math.min(mostParts, Math.floor(free / leastPartBuffer));
  const usual = size.partSamples ?? Math.min(usualPart, evenPart(samples, threads));
  const wanted = Math.max(usual, Math.ceil(samples / mostParts));
  const partSamples = Math.max(1, Math.min(wanted, largest));
  if (largest < Math.min(leastPart, samples) || Math.ceil(samples / partSamples) > parts)
    throw tooLittle(size, perSample);
  const ranges = rangesOf(samples, partSamples);
  const mergeBytes = Math.min(free, Math.max(64e6, ranges.length * leastPartBuffer));
  const working = Math.max(mergeBytes, Math.min(partSamples, samples) * perSample);
  return { partSamples, ranges, mergeBytes, peakBytes: processBytes + threads * threadBytes + working };
}

/** Few enough samples that every thread gets several parts. */
function evenPart(samples: number, threads: number): number {
  return Math.max(leastPart, Math.ceil(samples / (4 * Math.max(1, threads))));
}

function tooLittle({ samples, threads, memoryBytes }: AnalysisSize, perSample: number): ConfigError {
  const part = Math.max(leastPart, Math.ceil(samples / mostParts));
  const needed =
    processBytes + threads * threadBytes + Math.max(part * perSample, mostParts * leastPartBuffer);
  const message = `${Math.floor(memoryBytes / 1e6)} MB do not suffice for ${samples} samples with ${threads} threads; ${Math.ceil(needed / 1e6)} MB do`;
  return new ConfigError('analyzeDifficulty options', [{ field: 'memoryBytes', message }]);
}
