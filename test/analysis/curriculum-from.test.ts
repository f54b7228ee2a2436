// A curriculum by what the trainer measures between epochs, kept in files so that the run repeats without it.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ArrayDataset, DataLoader, type LoaderState } from 'millrace';
import { curriculumFrom, type DifficultyFile } from 'millrace/analysis';
import { CurriculumSampler } from 'millrace/curriculum';
import { ConfigError, FormatError, StateMismatchError, StorageError } from 'millrace/errors';
import { verifyReceipt } from 'millrace/receipts';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';

const root = mkdtempSync(join(tmpdir(), 'millrace-feedback-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, 'run-'));
});

const samples = 40;
const batchSize = 4;
/** Steps between two measurements. */
const every = 5;
const data = new ArrayDataset(Array.from({ length: samples }, (_, i) => i));
/** The easier half of the samples at first, and all of them after 30 steps. */
const samplerOf = (index: DifficultyFile | number[]) =>
  new CurriculumSampler(samples, {
    batchSize,
    stepsPerEpoch: every,
    metrics: {
      loss: {
        index,
        minDifficulty: 50,
        maxDifficulty: 100,
        difficultyType: 'percentile',
        schedule: { type: 'linear', totalSteps: 30, difficultyStep: 10 },
      },
    },
  });
const load = (options = {}) =>
  new DataLoader(data, {
    batchSize,
    sampler: samplerOf(Array.from({ length: samples }, (_, i) => i)),
    numberDtype: 'float64',
    ...options,
  });
const feedbackOf = (loader: ReturnType<typeof load>) =>
  curriculumFrom(loader, { folder, sampler: samplerOf });
/** The loss of a model on each sample: it forgets what it saw long ago. */
const lossesOf = (batches: readonly number[][]) =>
  Float64Array.from({ length: samples }, (_, i) => {
    const last = batches.findLastIndex((batch) => batch.includes(i));
    return batches.length - last + i / 1000;
  });

/** Trains some epochs with feedback, in this process from beginning to end. */
async function train(loader: ReturnType<typeof load>, epochs: number) {
  const feedback = feedbackOf(loader);
  const batches: number[][] = [];
  const states: LoaderState[] = [];
  while (loader.epoch < epochs) {
    for await (const batch of loader) {
      batches.push(Array.from(batch.data));
      states.push(loader.stateDict());
    }
    await feedback.update(lossesOf(batches));
  }
  return { batches, states };
}

describe('curriculumFrom', () => {
  it('repeats without the trainer, from any state, with other ranks, both ways', async () => {
    const loader = load();
    const { batches, states } = await train(loader, 5);
    expect(loader.globalStep).toBe(25);
    expect(verifyReceipt(loader, loader.receipt()).difference).toBeUndefined();
    const law = fc.asyncProperty(
      fc.nat(states.length - 1),
      fc.constantFrom(1, 2, 4),
      async (from, worldSize) => {
        const ranks = Array.from({ length: worldSize }, async (_, rank) => {
          const other = load({ rank, worldSize });
          await feedbackOf(other).restore(loader.stateDict());
          other.loadStateDict(states[from]!);
          const own: number[][] = [];
          while (other.epoch < 5) for await (const batch of other) own.push(Array.from(batch.data));
          return own;
        });
        const parts = await Promise.all(ranks);
        const joined = parts[0]!.map((_, k) => parts.flatMap((own) => own[k]!));
        expect(joined).toEqual(batches.slice(from + 1));
      },
    );
    await fc.assert(law, { numRuns: searchSize({ short: 8, long: 100 }) });
    for (const sample of [0, 13, samples - 1]) {
      const steps = loader.whenSeen(sample, { epochs: 5 }).map(({ epoch, step }) => epoch * every + step);
      expect(steps).toEqual(
        batches.flatMap((batch, step) => batch.flatMap((s) => (s === sample ? [step] : []))),
      );
    }
  });

  it('admits by the last measurement only', async () => {
    const loader = load();
    for await (const _ of loader);
    // The schedule has reached 60 % at step 6.
    await feedbackOf(loader).update(Array.from({ length: samples }, (_, i) => samples - i));
    for await (const batch of loader) expect(Math.min(...batch.data)).toBeGreaterThanOrEqual(samples * 0.3);
    const receipt = loader.receipt();
    const other = load();
    await feedbackOf(other).restore(receipt);
    expect(verifyReceipt(other, receipt).difference).toBeUndefined();
    expect(() => verifyReceipt(load(), receipt)).toThrow('at global step 5');
  });

  it('has a state under 4 KB after a hundred measurements', async () => {
    const loader = load();
    const feedback = feedbackOf(loader);
    for (let epoch = 0; epoch < 100; epoch++) {
      loader.seek({ epoch: epoch + 1, step: 0 });
      await feedback.update(Array.from({ length: samples }, (_, i) => (i * 7 + epoch) % samples));
    }
    const state = loader.stateDict();
    expect(state.amendments!.sampler).toHaveLength(100);
    expect(JSON.stringify(state).length).toBeLessThan(4096);
  });

  it('refuses files that are missing, damaged or of another run', async () => {
    const loader = load();
    await train(loader, 2);
    const state = loader.stateDict();
    const [first, second] = ['step-5.difficulty', 'step-10.difficulty'].map((name) => join(folder, name));
    const restore = () => feedbackOf(load()).restore(state);
    const bytes = readFileSync(first!);
    writeFileSync(first!, readFileSync(second!));
    await expect(restore()).rejects.toThrow(StateMismatchError);
    await expect(restore()).rejects.toThrow('global step 5');
    writeFileSync(first!, bytes.with(300, bytes[300]! ^ 1));
    await expect(restore()).rejects.toThrow(FormatError);
    rmSync(first!);
    await expect(restore()).rejects.toThrow(StorageError);
    writeFileSync(first!, bytes);
    await restore();
  });

  it('refuses values that are not numbers, and a call inside an epoch', async () => {
    const loader = load();
    const feedback = feedbackOf(loader);
    await expect(feedback.update([])).rejects.toThrow(ConfigError);
    await expect(feedback.update([1, Number.NaN])).rejects.toThrow('have NaN for sample 1');
    await expect(feedback.update([1, 2])).rejects.toThrow('has 2 samples, and the dataset has 40');
    for await (const _ of loader) break;
    await expect(feedback.update(new Float64Array(samples))).rejects.toThrow(
      'at: is 1, inside an epoch, whose samples the new sampler would not continue: an epoch begins at step 0 and at step 5',
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a curriculum', () => {
  it('cannot be amended to another batch size, which would move its schedule', async () => {
    await expect(load().amend({ at: 5, batchSize: 8 })).rejects.toThrow(
      'batchSize: CurriculumSampler counts its steps in global batches of 4 samples, and the run has batches of 8 from step 5 on',
    );
    const plain = new DataLoader(data, { batchSize: 5 });
    await expect(plain.amend({ at: 8, sampler: samplerOf(new Array(samples).fill(1)) })).rejects.toThrow(
      'sampler: CurriculumSampler counts its steps in global batches of 4 samples, and the run has batches of 5 from step 0 on',
    );
  });
});
