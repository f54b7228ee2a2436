import fc from 'fast-check';
import { ArrayDataset, DataLoader, MapDataset, RandomSampler, type Tensor, tensor } from 'millrace';
import { BatchSizeRamp } from 'millrace/curriculum';
import { ConfigError, ShapeError } from 'millrace/errors';
import { sampleContext } from 'millrace/random';
import { LengthWarmup, PackedDataset, TokenWindows } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { sampleLengths } from '../../dist/tokens/sample-lengths.js';

const windowLength = 32;

function windows(count: number): TokenWindows {
  const tokens = Int32Array.from({ length: count * windowLength + 1 }, (_, k) => k);
  return new TokenWindows(tensor(tokens), { length: windowLength });
}

type Batch = { readonly x: Tensor; readonly y: Tensor };

async function all(loader: AsyncIterable<unknown>, epochs = 1): Promise<Batch[]> {
  const batches: Batch[] = [];
  for (let epoch = 0; epoch < epochs; epoch++)
    for await (const { x, y } of loader as AsyncIterable<Batch>)
      batches.push({ x: { ...x, data: x.data.slice() }, y: { ...y, data: y.data.slice() } });
  return batches;
}

const linear = { type: 'linear', totalSteps: 12, difficultyStep: 4 } as const;
const discrete = { type: 'discrete', difficulties: [8, 16, 32], lastSteps: [3, 9] } as const;

describe('LengthWarmup', () => {
  it('gives the first tokens of each window, inputs and labels alike, in the order of the loader without it', async () => {
    const whole = windows(24);
    const options = { batchSize: 4, shuffle: true, seed: 5 } as const;
    const expected = await all(new DataLoader(whole, options), 2);
    const warmup = new LengthWarmup(whole, { minLength: 4, schedule: linear });
    const batches = await all(new DataLoader(warmup, options), 2);
    expect(batches.map(({ x }) => x.shape[1])).toEqual([4, 8, 8, 12, 12, 16, 20, 20, 24, 24, 28, 32]);
    for (const [step, { x, y }] of batches.entries()) {
      const length = warmup.lengthAt(step);
      for (const [name, cut] of Object.entries({ x, y })) {
        const full = expected[step]![name as 'x' | 'y'];
        const kept = Array.from(full.data as Int32Array).filter((_, k) => k % windowLength < length);
        expect([cut.shape, [...(cut.data as Int32Array)]]).toEqual([[4, length], kept]);
      }
    }
  });

  it('follows the global step of a run whose batch size ramps, also after a seek and on two ranks', async () => {
    const schedule = [
      { step: 0, batchSize: 2 },
      { step: 5, batchSize: 6 },
    ];
    const warmup = new LengthWarmup(windows(13), { minLength: 4, schedule: linear });
    const load = (rank: number, worldSize: number): DataLoader<unknown> => {
      const batchSampler = new BatchSizeRamp(new RandomSampler(13, { seed: 3 }), { schedule });
      return new DataLoader<unknown>(warmup as never, { batchSampler, rank, worldSize });
    };
    // Five steps of 2 samples and one of the last 3, then three steps an epoch.
    const lengths = Array.from({ length: 6 + 3 + 3 }, (_, step) => warmup.lengthAt(step));
    const whole = await all(load(0, 1), 3);
    expect(whole.map(({ x }) => x.shape)).toEqual(
      [2, 2, 2, 2, 2, 3, 6, 6, 1, 6, 6, 1].map((size, step) => [size, lengths[step]!]),
    );
    const sought = load(0, 1);
    sought.seek({ epoch: 1, step: 2 });
    expect((await all(sought)).map(({ x }) => x.shape)).toEqual([[1, lengths[8]!]]);
    const ranks = [await all(load(0, 2), 2), await all(load(1, 2), 2)];
    for (const batches of ranks) expect(batches.map(({ x }) => x.shape[1])).toEqual(lengths.slice(0, 9));
  });

  it('splits windows into pieces, and keeps every token once an epoch where the lengths divide', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 2, 4),
        fc.constantFrom(1, 2),
        fc.constantFrom(true, false),
        fc.integer({ min: 0, max: 99 }),
        async (worldSize, gradientAccumulationSteps, shuffle, seed) => {
          const dataset = new LengthWarmup(windows(32), { minLength: 8, schedule: discrete, cut: 'split' });
          const seen = [new Uint8Array(32 * windowLength), new Uint8Array(32 * windowLength)];
          for (let rank = 0; rank < worldSize; rank++) {
            const options = { batchSize: 8, shuffle, seed, rank, worldSize, gradientAccumulationSteps };
            const batches = await all(new DataLoader(dataset, options), 2);
            for (const [batch, { x, y }] of batches.entries()) {
              const step = Math.floor(batch / gradientAccumulationSteps);
              const length = dataset.lengthAt(step);
              expect(x.shape).toEqual([
                8 / worldSize / gradientAccumulationSteps,
                windowLength / length,
                length,
              ]);
              const epoch = seen[Math.floor(step / 4)]!;
              for (const token of x.data as Int32Array) epoch[token]! += 1;
              expect([...(y.data as Int32Array)]).toEqual(
                Array.from(x.data as Int32Array, (token) => token + 1),
              );
            }
          }
          for (const epoch of seen) expect(epoch.every((count) => count === 1)).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('is the same with workers, sample by sample, and for a run that continues on other ranks', async () => {
    const warmup = new LengthWarmup(windows(24), { minLength: 4, schedule: linear });
    const options = { batchSize: 4, shuffle: true } as const;
    const expected = await all(new DataLoader(warmup, options), 2);
    await using pooled = new DataLoader(warmup, { ...options, numWorkers: 2 });
    expect(await all(pooled, 2)).toEqual(expected);
    const byOne = new DataLoader(warmup, { ...options, transform: (sample) => sample });
    expect(await all(byOne, 2)).toEqual(expected);
    const before = new DataLoader(warmup, options);
    let delivered = 0;
    for await (const _ of before) if (++delivered === 5) break;
    const parts: Batch[][] = [];
    for (const rank of [0, 1]) {
      const after = new DataLoader(warmup, { ...options, rank, worldSize: 2 });
      after.loadStateDict(JSON.parse(JSON.stringify(before.stateDict())));
      parts.push(await all(after, 2));
    }
    const joined = parts[0]!.map(({ x }, k) => [
      ...(x.data as Int32Array),
      ...(parts[1]![k]!.x.data as Int32Array),
    ]);
    expect(joined).toEqual(expected.slice(5).map(({ x }) => [...(x.data as Int32Array)]));
  });

  it('leaves order and whenSeen as they are', async () => {
    const whole = windows(12);
    const options = { batchSize: 4, shuffle: true, seed: 3 } as const;
    const [plain, warm] = [whole, new LengthWarmup(whole, { minLength: 4, schedule: linear })].map(
      (dataset) => new DataLoader(dataset as TokenWindows, options),
    );
    expect(Array.from(warm!.order({ epoch: 1, step: 0 }))).toEqual(
      Array.from(plain!.order({ epoch: 1, step: 0 })),
    );
    expect(warm!.whenSeen(7, { epochs: 3 })).toEqual(plain!.whenSeen(7, { epochs: 3 }));
  });

  it('cuts the rows of packed documents in all their fields, and finds documents', async () => {
    const documents = new ArrayDataset(Array.from({ length: 9 }, (_, k) => new Int32Array(5 + k).fill(k)));
    const packed = new PackedDataset(documents, {
      rowLength: 16,
      lengths: Array.from({ length: 9 }, (_, k) => 5 + k),
    });
    const schedule = { type: 'discrete', difficulties: [6, 6], lastSteps: [1] } as const;
    const warmup = new LengthWarmup(packed, { minLength: 6, schedule, maxLength: 6 });
    expect(warmup.changes).toEqual([{ step: 1, difficulty: 6 }]);
    const row = await packed.get(0, sampleContext(0));
    const cut = await warmup.get(0, sampleContext(0, { globalStep: 0 }));
    for (const field of ['inputIds', 'labels', 'lossMask', 'documentIds', 'positionIds'] as const)
      expect([...cut[field].data]).toEqual([...row[field].data.slice(0, 6)]);
    const starts = [...row.cuSeqlens.data].filter((start) => start < 6);
    expect([...cut.cuSeqlens.data]).toEqual([...starts, 6]);
    expect([...warmup.indicesOf!({ document: 3 } as never, 0)]).toEqual(packed.indicesOf({ document: 3 }, 0));
  });

  it('gives whole samples outside of a run, and knows the length of each at a step', async () => {
    const warmup = new LengthWarmup(windows(4), { minLength: 5, schedule: discrete, cut: 'split' });
    const { x } = (await warmup.get(2, sampleContext(2))) as Batch;
    expect(x.shape).toEqual([1, windowLength]);
    const lengthOf = sampleLengths(warmup)!;
    expect([0, 3, 9].map((step) => lengthOf(0, 0, step))).toEqual([32, 32, 32]);
    const truncated = new LengthWarmup(windows(4), { minLength: 5, schedule: discrete });
    expect([0, 3, 9, undefined].map((step) => sampleLengths(truncated)!(0, 0, step))).toEqual([
      8, 16, 32, 32,
    ]);
  });

  it('names another order by its fingerprint, whatever the kind of schedule', () => {
    const make = (schedule: object, cut?: 'split') =>
      new LengthWarmup(windows(4), {
        minLength: 8,
        schedule: schedule as never,
        ...(cut && { cut }),
      }).fingerprint();
    const custom = {
      type: 'custom',
      totalSteps: 10,
      difficultyAt: (step: number) => (step <= 3 ? 8 : step <= 9 ? 16 : 32),
    };
    expect(make(custom)).toBe(make(discrete));
    expect(make(linear)).not.toBe(make(discrete));
    expect(make(discrete, 'split')).not.toBe(make(discrete));
  });

  it('refuses what is not a token dataset, contradictions, and fields of another length', async () => {
    const records = new ArrayDataset([{ a: new Int32Array(8), b: new Int32Array(3), name: 'x' }]);
    const options = { minLength: 2, maxLength: 8, schedule: discrete };
    const make = (changes: object) => () => new LengthWarmup(windows(4), { ...options, ...changes } as never);
    expect(make({ minLength: 40, maxLength: 32 })).toThrow(/minLength: is 40, above maxLength, 32/);
    expect(make({ schedule: { type: 'linear', totalSteps: 3 } })).toThrow(/schedule\.difficultyStep/);
    const sliced = new PackedDataset(new ArrayDataset([new Int32Array(8)]), {
      rowLength: 8,
      lengths: [8],
      sequenceSlice: { style: 'zigzag', rank: 0, worldSize: 2 },
    });
    expect(() => new LengthWarmup(sliced, { minLength: 2, schedule: discrete })).toThrow(/has sequenceSlice/);
    expect(make({ cut: 'reshape' })).toThrow(/must be 'truncate' or 'split'/);
    expect(() => new LengthWarmup(records, { minLength: 2, schedule: discrete })).toThrow(ConfigError);
    const warmup = new LengthWarmup(records, options);
    expect(() => warmup.get(0, sampleContext(0))).toThrow(ShapeError);
    const mapped = new LengthWarmup(new MapDataset(records, ({ a, name }) => ({ a, name })), options);
    const { a, name } = await mapped.get(0, sampleContext(0, { globalStep: 0 }));
    expect([a, name]).toEqual([new Int32Array(8), 'x']);
  });
});
