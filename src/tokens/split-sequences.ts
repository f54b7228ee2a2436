import type { Dataset } from '../core/dataset.js';
import { fingerprint } from '../core/fingerprint.js';
import { firstAbove } from '../core/first-above.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { type OriginContext, originOf, type StatedOrigin } from '../core/sample-origin.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import { ShortenedSequences } from './shortened-sequences.js';

/** From a global step on, sequences have this many tokens. */
export interface SequenceLengthChange {
  /** Counted from 0. */
  readonly step: number;
  /** A divisor of the length of the dataset's sequences. */
  readonly length: number;
}

/**
 * A dataset of sequences of one length, which it splits into shorter ones from some global steps on: `[S]` becomes `[S / L, L]`. With the
 * whole length, samples stay as they are. A loader makes it when its sequence length is amended.
 */
export class SplitSequences<T> extends ShortenedSequences<T> implements Movable {
  readonly cut = 'split';
  /** Ascending by step. */
  readonly changes: readonly SequenceLengthChange[];
  /** Tokens of a sequence of the dataset. */
  readonly whole: number;
  readonly #starts: readonly number[];

  constructor(dataset: Dataset<T>, whole: number, changes: readonly SequenceLengthChange[]) {
    super(dataset);
    this.whole = whole;
    this.changes = changes;
    this.#starts = changes.map(({ step }) => step);
  }

  /** @internal A sample that is read outside of a run is cut as at its first step. */
  protected override lengthFor(globalStep: number | undefined | 'longest'): number | undefined {
    if (globalStep === 'longest') return undefined;
    const length = this.changes[firstAbove(this.#starts, globalStep ?? 0) - 1]?.length;
    return length === this.whole ? undefined : length;
  }

  /** @internal */
  originAt(index: number, context: OriginContext): StatedOrigin {
    return originOf(this.dataset, index, context);
  }

  fingerprint(): string {
    const changes = this.changes.map(({ step, length }) => [step, length]);
    return fingerprint({ kind: 'SplitSequences', dataset: datasetFingerprint(this.dataset), changes });
  }

  [toRecipe](): Recipe {
    const { whole, changes } = this;
    return {
      builtIn: 'SplitSequences',
      args: { dataset: recipeOf(this.dataset, 'dataset'), whole, changes },
    };
  }

  static async fromRecipe(
    {
      dataset,
      whole,
      changes,
    }: {
      readonly dataset: Recipe;
      readonly whole: number;
      readonly changes: readonly SequenceLengthChange[];
    },
    make: MakeFromRecipe,
  ): Promise<SplitSequences<unknown>> {
    return new SplitSequences(await make<Dataset<unknown>>(dataset), whole, changes);
  }
}
