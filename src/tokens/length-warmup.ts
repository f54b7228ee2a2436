import * as v from 'valibot';
import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { firstAbove } from '../core/first-above.js';
import { lastOf } from '../core/last-of.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { type OriginContext, originOf, type StatedOrigin } from '../core/sample-origin.js';
import { type ScheduleChange, scheduleChanges } from '../curriculum/schedule-changes.js';
import { openSchedule, type ScheduleOptions } from '../curriculum/schedule-options.js';
import { checkMapDataset } from '../datasets/check-map-dataset.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import type { SequenceCut } from './cut-sequences.js';
import { PackedDataset } from './packed-dataset.js';
import { ShortenedSequences } from './shortened-sequences.js';
import { TokenWindows } from './token-windows.js';

export interface LengthWarmupOptions {
  /** Tokens of a sequence at first. */
  readonly minLength: number;
  /** Tokens of a sequence from the end of the schedule on. @defaultValue the length of windows or packed rows */
  readonly maxLength?: number;
  /** How the length rises with the global step. Its steps count from 1. */
  readonly schedule: ScheduleOptions;
  /**
   * `'truncate'` keeps the first tokens of each sequence: `[S]` becomes `[L]`. `'split'` cuts `k = floor(S / L)` pieces, so that
   * a step still trains on nearly all its tokens: `[S]` becomes `[k, L]`, and a batch `[B, k, L]`, whose first two dimensions the
   * trainer may join. The rest of a sequence that `L` does not divide is left out. @defaultValue `'truncate'`
   */
  readonly cut?: SequenceCut;
}

const schema = v.strictObject({
  minLength: integerFrom(1),
  maxLength: v.optional(integerFrom(1)),
  schedule: v.custom<ScheduleOptions>(
    (value) => typeof value === 'object' && value !== null,
    'must be an object',
  ),
  cut: v.optional(v.picklist(['truncate', 'split'], `must be 'truncate' or 'split'`), 'truncate'),
});

const subject = 'LengthWarmup options';

/**
 * Shorter sequences first: a dataset of tokens whose sequences grow with the global step of the run, from `minLength` to
 * `maxLength`. Sequence length warm-up, see {@link https://arxiv.org/abs/2108.06084 | Li et al., The Stability-Efficiency
 * Dilemma, 2022}.
 *
 * The loader's order stays as it is: each sample comes once an epoch, at the same step, and the length is a function of the
 * step. A resumed run, other ranks and other workers therefore see the same sequences. A sample that is read outside of a
 * loader (`sampleContext`) has its full length.
 *
 * Every tensor and typed array of a sample is cut alike along its first dimension. Values do not change: position ids count
 * from the start of the whole sequence.
 *
 * ```ts
 * const windows = new TokenWindows(tokens, { length: 2048 });
 * const dataset = new LengthWarmup(windows, {
 *   minLength: 64,
 *   schedule: { type: 'linear', totalSteps: 15_000, difficultyStep: 64 },
 * });
 * ```
 */
export class LengthWarmup<T> extends ShortenedSequences<T> implements Movable {
  readonly minLength: number;
  readonly maxLength: number;
  readonly cut: SequenceCut;
  /** The lengths: each from a global step on, counted from 1. */
  readonly changes: readonly ScheduleChange[];
  readonly #starts: readonly number[];

  /** @throws {@link ConfigError} naming the option that is unknown, missing, wrong, or contradicts another one. */
  constructor(dataset: Dataset<T>, options: LengthWarmupOptions) {
    checkMapDataset('LengthWarmup', dataset);
    super(dataset);
    const { minLength, schedule, cut, ...given } = parseOptions(subject, schema, options);
    const known = knownLength(dataset);
    const maxLength = given.maxLength ?? known;
    if (maxLength === undefined)
      throw problem('maxLength', 'is missing, and the dataset has no length of its own');
    if (minLength > maxLength) throw problem('minLength', `is ${minLength}, above maxLength, ${maxLength}`);
    this.minLength = minLength;
    this.maxLength = maxLength;
    this.cut = cut;
    const range = { min: minLength, max: maxLength };
    const { difficultyAt, lastStep } = openSchedule(schedule, range, { subject, field: 'schedule' });
    this.changes = [...scheduleChanges((step) => Math.floor(difficultyAt(step)), lastStep)];
    this.#starts = this.changes.map(({ step }) => step);
  }

  /** Tokens of a sequence at a global step, counted from 0. O(log changes). */
  lengthAt(globalStep: number): number {
    return this.changes[Math.max(0, firstAbove(this.#starts, globalStep + 1) - 1)]!.difficulty;
  }

  /** @internal The documents of what is kept of a sequence. */
  originAt(index: number, context: OriginContext): StatedOrigin {
    const { tokens: _, documents, ...whole } = originOf(this.dataset, index, context);
    if (!documents) return whole;
    const length = this.lengthFor(context.globalStep);
    let left = this.cut === 'truncate' ? length : Math.floor(this.maxLength / length) * length;
    const kept = documents.flatMap((document) => {
      const tokens = Math.min(document.tokens, left);
      left -= tokens;
      return tokens > 0 ? [{ ...document, tokens }] : [];
    });
    return { ...whole, tokens: kept.reduce((sum, { tokens }) => sum + tokens, 0), documents: kept };
  }

  /** @internal A sample that is read outside of a run has its full length. */
  protected override lengthFor(globalStep: number | undefined | 'longest'): number {
    return typeof globalStep === 'number' ? this.lengthAt(globalStep) : this.maxLength;
  }

  fingerprint(): string {
    const { cut, changes } = this;
    return fingerprint({
      kind: 'LengthWarmup',
      dataset: datasetFingerprint(this.dataset),
      cut,
      changes: changes.map(({ step, difficulty }) => [step, difficulty]),
    });
  }

  [toRecipe](): Recipe {
    const { minLength, maxLength, cut, changes } = this;
    // A list stands for any schedule, a function included.
    const schedule = {
      type: 'discrete',
      difficulties: [...changes.map(({ difficulty }) => difficulty), lastOf(changes).difficulty],
      lastSteps: [...changes.slice(1).map(({ step }) => step - 1), lastOf(changes).step],
    };
    const options = { minLength, maxLength, cut, schedule };
    return { builtIn: 'LengthWarmup', args: { dataset: recipeOf(this.dataset, 'dataset'), options } };
  }

  static async fromRecipe(
    { dataset, options }: { readonly dataset: Recipe; readonly options: LengthWarmupOptions },
    make: MakeFromRecipe,
  ): Promise<LengthWarmup<unknown>> {
    return new LengthWarmup(await make<Dataset<unknown>>(dataset), options);
  }
}

/** The length of all sequences of a dataset, if it says so. @throws {@link ConfigError} if each rank has a slice of them */
function knownLength(dataset: unknown): number | undefined {
  const isPacked = dataset instanceof PackedDataset;
  if (!isPacked && !(dataset instanceof TokenWindows)) return undefined;
  const length = isPacked ? dataset.rowLength : dataset.windowLength;
  if (dataset.sequenceLength === length) return length;
  throw problem('dataset', 'has sequenceSlice: a rank would warm up a slice of the whole sequences');
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError(subject, [{ field, message }]);
}
