import { type Dataset, datasetTitle } from '../core/dataset.js';
import { SampleError } from '../core/errors.js';
import { type TokenCounts, type TokenMetric, type Tokens, tokensOf } from './metrics/token-metric.js';
import { AnalysisSampleContext } from './sample-context.js';
import type { IndexRange } from './split-index.js';

/** Samples between two reports of progress. */
const reportEvery = 2_000;

/** Called with the number of samples done since the last call. */
export type OnSamples = (samples: number) => void;

/** Counts the tokens of a range of samples. */
export async function countTokens(
  dataset: Dataset<unknown>,
  range: IndexRange,
  onSamples: OnSamples,
): Promise<TokenCounts> {
  const counts = new Map<number, number>();
  let total = 0;
  await forEachSample(dataset, range, onSamples, (tokens) => {
    total += tokens.length;
    for (let i = 0; i < tokens.length; i++) {
      const token = Number(tokens[i]);
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
  });
  return { counts, total };
}

/** Adds counts up. */
export function mergeCounts(parts: readonly TokenCounts[]): TokenCounts {
  const counts = new Map<number, number>();
  for (const part of parts)
    for (const [token, count] of part.counts) counts.set(token, (counts.get(token) ?? 0) + count);
  return { counts, total: parts.reduce((sum, { total }) => sum + total, 0) };
}

/** Measures a range of samples into columns of all samples, one a metric. */
export async function measureRange(
  dataset: Dataset<unknown>,
  range: IndexRange,
  metrics: readonly TokenMetric[],
  counts: TokenCounts,
  values: readonly Float64Array[],
  onSamples: OnSamples,
): Promise<void> {
  await forEachSample(dataset, range, onSamples, (tokens, index) => {
    for (let k = 0; k < metrics.length; k++) values[k]![index] = metrics[k]!.measure(tokens, counts);
  });
}

async function forEachSample(
  dataset: Dataset<unknown>,
  [start, end]: IndexRange,
  onSamples: OnSamples,
  visit: (tokens: Tokens, index: number) => void,
): Promise<void> {
  let reported = start;
  for (let index = start; index < end; index++) {
    try {
      const sample = dataset.get(index, new AnalysisSampleContext(index, null));
      visit(tokensOf(sample instanceof Promise ? await sample : sample, index), index);
    } catch (cause) {
      const { name, where } = datasetTitle(dataset);
      throw new SampleError(`Sample ${index} of ${name} could not be measured`, {
        where: { ...where, index },
        cause,
      });
    }
    if (index + 1 - reported < reportEvery) continue;
    onSamples(index + 1 - reported);
    reported = index + 1;
  }
  onSamples(end - reported);
}
