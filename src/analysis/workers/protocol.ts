import type { Recipe } from '../../core/recipe.js';
import type { IndexRange } from '../../parts/part-range.js';
import type { AnalysisDescription } from '../analysis-description.js';
import type { MetricRecipe } from '../metric-source.js';
import type { ReduceRequest } from '../reduce-analysis.js';

/** What an analysis thread starts with. */
export interface AnalysisSetup {
  readonly dataset: Recipe;
  readonly metrics: readonly MetricRecipe[];
  /** Path or URL under which parts are stored. */
  readonly outputDir: string;
  readonly description: AnalysisDescription;
  readonly wholeValues: boolean;
}

/** Work for an analysis thread. */
export type AnalysisRequest =
  | { readonly type: 'count' | 'map'; readonly range: IndexRange }
  | { readonly type: 'merge-counts'; readonly ranges: readonly IndexRange[] }
  | { readonly type: 'finish'; readonly request: ReduceRequest };
