import { ConfigError } from '../core/errors.js';
import { type IndexRange, rangesOf } from '../parts/part-range.js';

/** Size of an analysis, and its limits. */
export interface AnalysisSize {
  readonly samples: number;
  /** Number of metrics whose values are sorted. */
  readonly valueMetrics: number;
  /** Threads that measure in one process; 0 measures on the calling thread. */
  readonly threads: number;
  /** Memory limit of a process. */
  readonly memoryBytes: number;
  /** Samples per part. @defaultValue a number that gives every thread several parts, at most 262,144 */
  readonly partSamples?: number | undefined;
}

/** How an analysis is divided into parts. */
export interface AnalysisPlan {
  /** Samples of each part except the last. */
  readonly partSamples: number;
  readonly ranges: readonly IndexRange[];
  /** Peak memory of a process, while measuring or merging. */
  readonly peakBytes: number;
  /** Memory for reading parts in the reduce. */
  readonly mergeBytes: number;
}

/**
 * Memory of the process and of one thread, including garbage that the engine has not collected yet. Measured in the
 * worst case, ten million distinct values (300 MB without threads).
 */
const processBytes = 210e6;
const threadBytes = 70e6;

/** Memory to measure and sort one sample: its value, its position, and the scratch space of the sort. */
const mapBytesPerSample = 64;

/** Minimum buffer for each part that a merge reads. */
const leastPartBuffer = 32_768;

/** Maximum number of parts open at once. */
const mostParts = 2_000;
const usualPart = 2 ** 18;
const leastPart = 2 ** 12;

/**
 * Divides an analysis into parts that a thread can measure and sort in memory, and that one process can merge. Pure:
 * equal sizes give equal parts, so a stopped run finds its finished parts again.
 *
 * @throws {@link ConfigError} if the memory does not suffice; the message says how much would.
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

/** A part size at which every thread gets several parts. */
function evenPart(samples: number, threads: number): number {
  return Math.max(leastPart, Math.ceil(samples / (4 * Math.max(1, threads))));
}

function tooLittle({ samples, threads, memoryBytes }: AnalysisSize, perSample: number): ConfigError {
  const part = Math.max(leastPart, Math.ceil(samples / mostParts));
  const needed =
    processBytes + threads * threadBytes + Math.max(part * perSample, mostParts * leastPartBuffer);
  const message = `${Math.floor(memoryBytes / 1e6)} MB are too little for ${samples} samples with ${threads} threads; the minimum is ${Math.ceil(needed / 1e6)} MB`;
  return new ConfigError('analyzeDifficulty options', [{ field: 'memoryBytes', message }]);
}
