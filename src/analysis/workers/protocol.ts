import type { ErrorRecord } from '../../core/error-record.js';
import type { Recipe } from '../../core/recipe.js';
import type { TokenCounts } from '../metrics/token-metric.js';
import type { IndexRange } from '../split-index.js';

/** What an analysis thread starts with. */
export interface AnalysisSetup {
  readonly dataset: Recipe;
}

/** Main thread → analysis thread. */
export type ToAnalysisWorker =
  /** Counts the tokens of a range. */
  | { readonly type: 'count'; readonly range: IndexRange }
  /** Measures a range; `values` holds one shared column of all samples a metric. */
  | {
      readonly type: 'measure';
      readonly range: IndexRange;
      readonly metrics: readonly string[];
      readonly counts: TokenCounts;
      readonly values: readonly Float64Array[];
    };

/** Analysis thread → main thread. */
export type FromAnalysisWorker =
  | { readonly type: 'counted'; readonly counts: TokenCounts }
  | { readonly type: 'measured' }
  | { readonly type: 'progress'; readonly samples: number }
  | { readonly type: 'error'; readonly error: ErrorRecord };
