import type { JsonObject } from '../core/json.js';
import type { WeightRule } from './weights-from.js';

/**
 * Online data mixing (ODM): a bandit that prefers the sources with the highest loss, which it takes as the reward, and explores all of
 * them. Exp3 with a moving average of rewards; see {@link https://arxiv.org/abs/2312.02406 | Albalak et al., Efficient Online Data Mixing,
 * 2023}. A decision counts as one step of the bandit. O(sources).
 *
 * @param options - `smoothing`: the share of the earlier estimate in the average of rewards, from 0 to below 1; 0.9 by default.
 */
export function onlineDataMixing({ smoothing = 0.9 }: { readonly smoothing?: number } = {}): WeightRule {
  return ({ losses, weights, memory }) => {
    const { turn = 0, rewards = losses.map(() => 0) } = memory as { turn?: number; rewards?: number[] };
    const sources = losses.length;
    const rate = (of: number) => Math.min(1 / sources, Math.sqrt(Math.log(sources) / (sources * of)));
    const estimates = rewards.map((reward, k) => {
      const [loss, weight] = [losses[k], weights[k]!];
      return loss === undefined || weight === 0
        ? reward
        : smoothing * reward + (1 - smoothing) * (loss / weight);
    });
    const explored = rate(turn + 2);
    const shares = softmax(estimates.map((estimate) => rate(turn + 1) * estimate));
    return {
      weights: shares.map((share) => (1 - sources * explored) * share + explored),
      memory: { turn: turn + 1, rewards: estimates },
    };
  };
}

/** What the rule remembers of a source: how much of it was seen, in steps, and the loss there. */
type LossPoint = [seen: number, loss: number];

/** Points per source that a curve is fitted to: beyond that, every second one is dropped. */
const mostPoints = 32;
/** Powers of the law and the smallest share. */
const steepest = 0.8;
const leastShare = 0.01;

/**
 * Adaptive data optimization (ADO): fits a power law `loss = e + b · n^(-a)` to each source and prefers the sources whose loss falls fastest
 * by it; see {@link https://arxiv.org/abs/2410.11820 | Jiang et al., Adaptive Data Optimization: Dynamic Sample Selection with Scaling Laws,
 * 2024}. Credit (the square root of a source's recent share), the prior and smoothing over time are as in the paper. The fit here is by
 * least squares of logarithms over a grid of `e`, and `n` counts steps times shares.
 *
 * @param options - `prior`: the weights of the sources without feedback. `smoothing`: the share of a new decision in the weights, above 0 to
 *   1; 0.1 by default. `warmUp`: decisions with the prior alone, while there are too few losses for a fit; 5 by default.
 * @remarks O(sources · points) per decision.
 */
export function adaptiveDataOptimization({
  prior,
  smoothing = 0.1,
  warmUp = 5,
}: {
  readonly prior: readonly number[];
  readonly smoothing?: number;
  readonly warmUp?: number;
}): WeightRule {
  const base = shared(prior);
  return ({ step, losses, weights, memory }) => {
    const {
      last = 0,
      seen = base.map(() => 0),
      points = base.map((): LossPoint[] => []),
      credit = base,
      mean = base,
      turn = 0,
    } = memory as Partial<{
      last: number;
      seen: number[];
      points: LossPoint[][];
      credit: number[];
      mean: number[];
      turn: number;
    }>;
    const now = seen.map((count, k) => count + (step - last) * weights[k]!);
    const known = points.map((of, k) => {
      const loss = losses[k];
      return loss === undefined || now[k] === 0 ? of : thinned([...of, [now[k]!, loss]]);
    });
    const credits = credit.map((share, k) => smoothing * weights[k]! + (1 - smoothing) * share);
    const speeds = known.map((of, k) => learningSpeed(of, now[k]!));
    const isFitted = turn >= warmUp && speeds.some((speed) => speed > 0);
    const preferred = isFitted
      ? shared(speeds.map((speed, k) => base[k]! * Math.sqrt(credits[k]!) * speed))
      : base;
    const mixed = preferred.map((share, k) => smoothing * share + (1 - smoothing) * mean[k]!);
    const decided = shared(mixed.map((share, k) => (base[k] === 0 ? 0 : Math.max(leastShare, share))));
    const means = mean.map((share, k) => share + (decided[k]! - share) / (turn + 2));
    const remembered = { last: step, seen: now, points: known, credit: credits, mean: means, turn: turn + 1 };
    return { weights: decided, memory: remembered as unknown as JsonObject };
  };
}

/** How fast the loss falls at `seen`, by the best power law through the points; 0 if there are too few, or the loss rises. */
function learningSpeed(points: readonly LossPoint[], seen: number): number {
  if (points.length < 3) return 0;
  const lowest = Math.min(...points.map(([, loss]) => loss));
  let best = { error: Number.POSITIVE_INFINITY, speed: 0 };
  for (let k = 0; k < 32; k++) {
    const floor = (lowest * k) / 32;
    const logs = points.map(([count, loss]): [number, number] => [
      Math.log(count),
      Math.log(Math.max(loss - floor, 1e-12)),
    ]);
    const { slope, offset } = line(logs);
    const power = Math.min(steepest, Math.max(0, -slope));
    const error = points.reduce(
      (sum, [count, loss]) => sum + (floor + Math.exp(offset) * count ** -power - loss) ** 2,
      0,
    );
    if (error < best.error) best = { error, speed: power * Math.exp(offset) * seen ** (-power - 1) };
  }
  return Number.isFinite(best.speed) ? best.speed : 0;
}

/** The line of least squares. */
function line(points: readonly (readonly [number, number])[]): { slope: number; offset: number } {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(([first]) => first), mean(([, second]) => second)];
  const variance = mean(([first]) => (first - x) ** 2);
  const slope = variance === 0 ? 0 : mean(([first, second]) => (first - x) * (second - y)) / variance;
  return { slope, offset: y - slope * x };
}

function thinned(points: readonly LossPoint[]): LossPoint[] {
  return points.length <= mostPoints ? [...points] : points.filter((_, k) => k % 2 === 0);
}

function shared(weights: readonly number[]): number[] {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function softmax(values: readonly number[]): number[] {
  const most = Math.max(...values);
  return shared(values.map((value) => Math.exp(value - most)));
}
