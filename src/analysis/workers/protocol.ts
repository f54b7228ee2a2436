import type { ErrorRecord } from '../../core/error-record.js';
import type { Recipe } from '../../core/recipe.js';
import type { AnalysisDescription } from '../analysis-description.js';
import type { MetricRecipe } from '../metric-source.js';
import type { ReducedMetrics, ReduceRequest } from '../reduce-analysis.js';
import type { IndexRange } from '../split-index.js';

/** What an analysis thread starts with. */
export interface AnalysisSetup {
  readonly dataset: Recipe;
  readonly metrics: readonly MetricRecipe[];
  /** Where parts are stored: a path or URL. */
  readonly place: string;
  readonly description: AnalysisDescription;
  readonly wholeValues: boolean;
}

/** Main thread → analysis thread. */
export type ToAnalysisWorker =
  | { readonly type: 'count' | 'map'; readonly range: IndexRange }
  | { readonly type: 'merge-counts'; readonly ranges: readonly IndexRange[] }
  | { readonly type: 'reduce'; readonly request: ReduceRequest };

/** Analysis thread → main thread. */
export type FromAnalysisWorker =
  | { readonly type: 'done' }
  /** The end of a reduce. */
  | { readonly type: 'reduced'; readonly reduced: ReducedMetrics }
  | { readonly type: 'progress'; readonly samples: number }
  | { readonly type: 'error'; readonly error: ErrorRecord };
