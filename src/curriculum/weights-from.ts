import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import type { JsonObject } from '../core/json.js';
import { integerFrom, parseOptions } from '../core/options.js';

/** What a rule decides from. */
export interface WeightEvidence {
  /** Global steps that were reported. */
  readonly step: number;
  /** Mean loss of each source since the last decision; `undefined` for a source without a report. */
  readonly losses: readonly (number | undefined)[];
  /** The weights of the steps that were reported; they add up to 1. */
  readonly weights: readonly number[];
  /** What the rule returned as its memory last; empty at first. */
  readonly memory: JsonObject;
}

/** Decides the weights of the sources of a mixture: one number per source, 0 or more; and what it must remember. */
export type WeightRule = (
  evidence: WeightEvidence,
) => readonly number[] | { readonly weights: readonly number[]; readonly memory: JsonObject };

/** A loader that can be amended. */
interface Amendable {
  amend(amendment: { readonly at: number; readonly weights: readonly number[] }): Promise<void>;
}

const optionsSchema = v.strictObject({
  weights: v.pipe(
    v.array(v.pipe(v.number('must be a number'), v.minValue(0, 'must be 0 or more'))),
    v.minLength(1),
  ),
  every: v.optional(integerFrom(1), 100),
});

const stateSchema = v.strictObject({
  step: integerFrom(0),
  sums: v.array(v.number()),
  counts: v.array(integerFrom(0)),
  current: v.array(v.number()),
  next: v.array(v.number()),
  memory: v.custom<JsonObject>((value) => typeof value === 'object' && value !== null),
});

/** Weights are multiples of this, so that a state records each in a few digits. It is also the smallest weight. */
const unit = 1000;

/**
 * Changes the weights of a mixture by what the trainer reports: a rule sees the losses of `every` steps and decides the weights from
 * `every` steps later on. The delay makes decisions the same on all ranks and costs no batch that was made ahead. Decisions are amendments
 * of the loader: its state records them, so the run can be repeated, planned and verified without the trainer.
 *
 * ```ts
 * const feedback = weightsFrom(loader, ({ losses }) => losses.map((loss) => loss ?? 1), { weights: [0.5, 0.5] });
 * for await (const batch of loader) await feedback.report({ losses: train(batch) });
 * ```
 *
 * Report once a global step, on every rank, the same losses: average them over ranks before.
 *
 * @param options - `weights`: the weights with which the mixture begins. `every`: steps between decisions, 100 by default.
 * @returns `report`, and `stateDict` and `loadStateDict` for what a decision under way needs: save it with the state of the loader.
 * @throws {@link ConfigError} naming the option at fault. `report` throws it for losses or weights that are not numbers, or if the loader is
 *   more than `every` steps ahead of the reports.
 */
export function weightsFrom(
  loader: Amendable,
  rule: WeightRule,
  options: { readonly weights: readonly number[]; readonly every?: number },
) {
  const { weights: first, every } = parseOptions('weightsFrom options', optionsSchema, options);
  const empty = () => ({ sums: first.map(() => 0), counts: first.map(() => 0) });
  let state: v.InferOutput<typeof stateSchema> = {
    step: 0,
    ...empty(),
    current: normalized(first),
    next: normalized(first),
    memory: {},
  };
  return {
    /** Reports the losses of a global step: one per source; `undefined` or `NaN` if the step had no sample of it. */
    async report({ losses }: { readonly losses: readonly (number | undefined)[] }): Promise<void> {
      if (losses.length !== first.length)
        throw problem('losses', `has ${losses.length} numbers for ${first.length} sources`);
      const { sums, counts } = state;
      state = {
        ...state,
        step: state.step + 1,
        sums: sums.map((sum, k) => sum + (isKnown(losses[k]) ? losses[k] : 0)),
        counts: counts.map((count, k) => count + (isKnown(losses[k]) ? 1 : 0)),
      };
      if (state.step % every > 0) return;
      const means = state.sums.map((sum, k) => (state.counts[k] === 0 ? undefined : sum / state.counts[k]!));
      const { step, current: weights, next, memory } = state;
      const decided = rule({ step, losses: means, weights, memory });
      const result = Array.isArray(decided) ? { weights: decided as readonly number[], memory } : decided;
      const { weights: raw, memory: remembered } = result as {
        weights: readonly number[];
        memory: JsonObject;
      };
      const rounded = roundedWeights(raw, first.length);
      await loader.amend({ at: step + every, weights: rounded });
      state = { step, ...empty(), current: next, next: normalized(rounded), memory: remembered };
    },
    /** The steps reported and the memory of the rule, as plain JSON. */
    stateDict(): JsonObject {
      return structuredClone(state) as JsonObject;
    },
    /** Continues from a saved state. @throws {@link ConfigError} if it is not one, or one of another number of sources */
    loadStateDict(saved: JsonObject): void {
      const read = parseOptions('State of weightsFrom', stateSchema, saved);
      if (read.sums.length !== first.length)
        throw problem('sums', `has ${read.sums.length} numbers for ${first.length} sources`);
      state = read;
    },
  };
}

function isKnown(loss: number | undefined): loss is number {
  return loss !== undefined && Number.isFinite(loss);
}

function roundedWeights(weights: readonly number[], sources: number): number[] {
  if (weights.length !== sources || !weights.every((weight) => Number.isFinite(weight) && weight >= 0))
    throw problem(
      'weights',
      `of the rule must be ${sources} numbers of 0 or more, not ${weights.join(', ')}`,
    );
  if (weights.every((weight) => weight === 0)) throw problem('weights', 'of the rule must not all be 0');
  return normalized(weights).map((share) => (share === 0 ? 0 : Math.max(1, Math.round(share * unit))));
}

function normalized(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function problem(field: string, message: string): ConfigError {
  return new ConfigError('weightsFrom', [{ field, message }]);
}
