import type { Dataset } from '../core/dataset.js';
import { countTokens, measureRange, type OnSamples } from './measure-range.js';
import type { TokenCounts, TokenMetric } from './metrics/token-metric.js';
import type { IndexRange } from './split-index.js';

/** Measures a range into columns of all samples. */
export interface MeasureRequest {
  readonly range: IndexRange;
  readonly metrics: readonly TokenMetric[];
  readonly counts: TokenCounts;
  /** One column a metric, shape `[N]`, in shared memory. */
  readonly values: readonly Float64Array[];
}

/** Counts and measures ranges of samples somewhere: on this thread or in another one. */
export interface AnalysisEngine {
  count(range: IndexRange, onSamples: OnSamples): Promise<TokenCounts>;
  measure(request: MeasureRequest, onSamples: OnSamples): Promise<void>;
  close(): Promise<void>;
}

/** Counts and measures on this thread. */
export class LocalAnalysis implements AnalysisEngine {
  readonly #dataset: Dataset<unknown>;

  constructor(dataset: Dataset<unknown>) {
    this.#dataset = dataset;
  }

  count(range: IndexRange, onSamples: OnSamples): Promise<TokenCounts> {
    return countTokens(this.#dataset, range, onSamples);
  }

  measure({ range, metrics, counts, values }: MeasureRequest, onSamples: OnSamples): Promise<void> {
    return measureRange(this.#dataset, range, metrics, counts, values, onSamples);
  }

  async close(): Promise<void> {}
}
