// Weights that follow what the trainer reports, recorded so that the run repeats without it.
import { ArrayDataset, DataLoader, MixtureDataset } from 'millrace';
import {
  adaptiveDataOptimization,
  onlineDataMixing,
  type WeightRule,
  weightsFrom,
} from 'millrace/curriculum';
import { ConfigError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';

const numbers = (first: number, length: number) =>
  new ArrayDataset(Array.from({ length }, (_, i) => first + i));
const weights = [1, 1, 1];
const load = (options = {}) =>
  new DataLoader(
    new MixtureDataset([numbers(0, 400), numbers(1000, 300), numbers(2000, 300)], { weights, seed: 5 }),
    {
      batchSize: 10,
      ...options,
    },
  );

/** A model whose loss on source 0 falls, on source 1 stays high, on source 2 is low. */
const losses = (step: number) => [3 / Math.sqrt(step + 1), 4, 0.5];

const rules: [string, () => WeightRule][] = [
  [
    'a rule of one line',
    () =>
      ({ losses: seen }) =>
        seen.map((loss) => loss ?? 1),
  ],
  ['online data mixing', () => onlineDataMixing()],
  [
    'adaptive data optimization',
    () => adaptiveDataOptimization({ prior: [1, 1, 1], warmUp: 2, smoothing: 0.5 }),
  ],
];

describe.each(rules)('weightsFrom with %s', (_, ruleOf) => {
  it('replays bit for bit without the trainer, and from states on the way', async () => {
    const loader = load();
    const feedback = weightsFrom(loader, ruleOf(), { weights, every: 10 });
    const batches: number[][] = [];
    const saved: { loader: object; feedback: ReturnType<typeof feedback.stateDict> }[] = [];
    for await (const batch of loader) {
      batches.push(Array.from(batch.data));
      await feedback.report({ losses: losses(batches.length) });
      saved.push({ loader: loader.stateDict(), feedback: feedback.stateDict() });
    }
    const plain = load();
    plain.loadStateDict(loader.stateDict());
    await plain.ready();
    plain.seek({ epoch: 0, step: 0 });
    const replayed: number[][] = [];
    for await (const batch of plain) replayed.push(Array.from(batch.data));
    expect(replayed).toEqual(batches);
    // A process that continues from step 37 decides the same.
    const at = 37;
    const { loader: state, feedback: memory } = JSON.parse(JSON.stringify(saved[at - 1]));
    const other = load();
    other.loadStateDict(state);
    await other.ready();
    const again = weightsFrom(other, ruleOf(), { weights, every: 10 });
    again.loadStateDict(memory);
    const rest: number[][] = [];
    for await (const batch of other) {
      rest.push(Array.from(batch.data));
      await again.report({ losses: losses(at + rest.length) });
    }
    expect(rest).toEqual(batches.slice(at));
  });
});

describe('the rules', () => {
  const decide = (rule: WeightRule, turns: number, lossOf: (source: number, step: number) => number) => {
    let [current, memory]: [readonly number[], object] = [[1 / 3, 1 / 3, 1 / 3], {}];
    for (let turn = 1; turn <= turns; turn++) {
      const seen = [0, 1, 2].map((source) => lossOf(source, turn));
      const decided = rule({ step: turn * 10, losses: seen, weights: current, memory: memory as never });
      ({ weights: current, memory } = decided as { weights: readonly number[]; memory: object });
      expect(current.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 9);
      expect(Math.min(...current)).toBeGreaterThan(0);
    }
    return current;
  };

  it('online data mixing begins evenly and comes to prefer the source with the highest loss', () => {
    const first = decide(onlineDataMixing(), 1, () => 2);
    for (const weight of first) expect(weight).toBeCloseTo(1 / 3, 9);
    const later = decide(onlineDataMixing(), 60, (source) => [3, 1, 1][source]!);
    expect(later[0]).toBeGreaterThan(later[1]!);
    expect(later[1]).toBeCloseTo(later[2]!, 1);
  });

  it('adaptive data optimization keeps the prior at first, then prefers the source whose loss falls fastest', () => {
    const rule = () => adaptiveDataOptimization({ prior: [1, 1, 1], warmUp: 4, smoothing: 0.3 });
    const curves = (source: number, turn: number) =>
      [1 + 4 * (turn * 10) ** -0.5, 3, 2 + 0.1 * (turn * 10) ** -0.5][source]!;
    for (const weight of decide(rule(), 4, curves)) expect(weight).toBeCloseTo(1 / 3, 9);
    const [falls, flat, slow] = decide(rule(), 40, curves);
    expect(falls).toBeGreaterThan(flat!);
    expect(falls).toBeGreaterThan(slow!);
  });
});

describe('weightsFrom', () => {
  it('refuses losses and weights that do not fit, and a loader that is too far ahead', async () => {
    const loader = load();
    const report = (rule: WeightRule, seen: number[]) =>
      weightsFrom(loader, rule, { weights, every: 1 }).report({ losses: seen });
    await expect(report(() => [1, 1, 1], [1, 2])).rejects.toThrow('losses: has 2 numbers for 3 sources');
    await expect(report(() => [1, Number.NaN, 1], [1, 2, 3])).rejects.toThrow(ConfigError);
    await expect(report(() => [0, 0, 0], [1, 2, 3])).rejects.toThrow('must not all be 0');
    loader.seek({ epoch: 0, step: 50 });
    await expect(report(() => [1, 1, 1], [1, 2, 3])).rejects.toThrow('at: is 2, but the first step');
  });
});
