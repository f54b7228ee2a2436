// A replayed sample is the one that the run got: the same numbers, drawn from the same random numbers.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import type { DataLoader, Tensor } from 'millrace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRun } from '../../../dist/cli/plan/open-run.js';
import { RunOrder } from '../../../dist/cli/plan/run-order.js';
import { type Replay, replaySample } from '../../../dist/cli/replay/replay-sample.js';
import { row } from '../../../dist/core/tensor.js';
import { ConfigFolder } from '../../config/folder.js';
import { runCommand } from '../run-command.js';

let folder: ConfigFolder;
let augmented: string;
beforeAll(() => {
  folder = new ConfigFolder();
  folder.tokens('tokens', [5, 3, 9, 1, 7]);
  augmented = folder.module(
    'augmented.mjs',
    `defineConfig({
      data: new M.MapDataset(new M.ArrayDataset(Array.from({ length: 23 }, (_, i) => ({ value: i }))), function noisy({ value }, { rng }) {
        if (value === 13) throw new TypeError('no thirteen');
        return { value, noise: rng.normal() };
      }),
      loader: { batchSize: 6, shuffle: true, seed: 5, gradientAccumulationSteps: 2,
        transform: function flip(sample, { rng }) { return { ...sample, flip: rng.boolean() ? rng.integer(1, 9) : 0 }; } },
    })`,
  );
});
afterAll(() => folder.remove());

async function replayed(
  path: string,
  step: number,
  place: { rank?: number; microBatch?: number; slot: number },
  worldSize = 1,
): Promise<Replay> {
  const rank = place.rank ?? 0;
  const { opened, openForRank } = await openRun(path, { rank, worldSize });
  try {
    const planned = await new RunOrder(opened, openForRank).stepAt(step);
    return await replaySample(opened, planned, { rank, microBatch: place.microBatch ?? 0, slot: place.slot });
  } finally {
    await opened.close();
  }
}

describe('replaySample', () => {
  it('makes the sample in a slot of the run, with its random draws', async () => {
    const places = fc.tuple(
      fc.nat({ max: 7 }),
      fc.nat({ max: 1 }),
      fc.integer({ min: 1, max: 2 }),
      fc.nat({ max: 1 }),
    );
    await fc.assert(
      fc.asyncProperty(places, async ([step, microBatch, worldSize, anyRank]) => {
        const rank = anyRank % worldSize;
        const { opened } = await openRun(augmented, { rank, worldSize });
        const loader = opened.loader as DataLoader<unknown, 'float32', Record<string, Tensor>>;
        const steps = loader.length / 2;
        loader.seek({ epoch: Math.floor(step / steps), step: step % steps, microBatch });
        const { value: batch, error } = await loader[Symbol.asyncIterator]()
          .next()
          .then(
            (next) => ({ value: next.value as Record<string, Tensor>, error: undefined }),
            (error: unknown) => ({ value: undefined, error }),
          );
        const again = await replayed(augmented, step, { rank, microBatch, slot: 0 }, worldSize);
        const last = again.stages.at(-1)!;
        if (!batch) {
          expect(String(error)).toMatch('no thirteen');
          expect(String(last.error)).toMatch('no thirteen');
        } else {
          expect(last.name).toBe('collated');
          for (const [name, tensor] of Object.entries(batch))
            expect((last.value as Record<string, Tensor>)[name]).toEqual(row(tensor, 0));
          const { draws } = again.stages.find(({ name }) => name === 'transform flip')!;
          expect(draws).toHaveLength((last.value as { flip: Tensor<'float32'> }).flip.data[0]! > 0 ? 2 : 1);
        }
        await opened.close();
      }),
      { numRuns: 60 },
    );
  });

  it('shows each stage: the record, each function, the transform, the row in the batch', async () => {
    const { stages, index } = await replayed(augmented, 0, { slot: 1 });
    expect(stages.map(({ name }) => name)).toEqual([
      'ArrayDataset',
      'MapDataset',
      'transform flip',
      'collated',
    ]);
    expect(stages[0]).toMatchObject({ value: { value: index }, draws: [] });
    expect(stages[1]!.draws).toEqual([expect.stringMatching(/^normal\(\) → -?\d/)]);
  });

  it('names the file and the byte range of tokens', async () => {
    const windows = folder.json('windows.json', {
      data: { mixture: { web: { data: 'tokens' } } },
      windows: { length: 4 },
      loader: { batchSize: 2 },
    });
    const { stages } = await replayed(windows, 1, { slot: 0 });
    expect(stages[0]).toMatchObject({
      name: 'MixtureDataset',
      from: expect.stringMatching(/^sample \d of web$/),
    });
    const [, first, last, file] = /bytes (\d+) … (\d+) of (.+)$/.exec(stages[1]!.from!)!;
    const bytes = readFileSync(file!).subarray(Number(first), Number(last) + 1);
    const tokens = Array.from(
      new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)),
    );
    const { x, y } = stages[1]!.value as { x: Tensor<'int32'>; y: Tensor<'int32'> };
    expect(tokens).toEqual([...x.data, y.data.at(-1)]);
  });

  it('rejects a slot that does not exist, naming the flag', async () => {
    await expect(replayed(augmented, 0, { slot: 3 })).rejects.toThrow(
      /--slot: is 3; must be below 3, the samples of rank 0/,
    );
    await expect(replayed(augmented, 0, { slot: 0, microBatch: 2 })).rejects.toThrow(/--micro-batch: is 2/);
  });
});

describe('millrace replay', () => {
  it('prints the stages, and exits with status 1 if one fails', async () => {
    const found = await runCommand(['plan', augmented, '--sample', '13', '--json']);
    const [{ step, microBatch, slot }] = JSON.parse(found.stdout).sightings;
    const args = [
      'replay',
      augmented,
      '--step',
      `${step}`,
      '--micro-batch',
      `${microBatch}`,
      '--slot',
      `${slot}`,
    ];
    const { status, stdout, stderr } = await runCommand(args);
    expect([status, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(/^Sample 13: global step/);
    expect(stdout).toMatch(/ {2}✗ no thirteen\n$/);
    const whole = await runCommand(['replay', augmented, '--step', '0', '--json']);
    expect(JSON.parse(whole.stdout).stages.at(-1)).toMatchObject({ name: 'collated', from: 'slot 0 of 3' });
  });
});
