import { ArrayDataset, DataLoader, MixtureDataset, padCollate } from 'millrace';
import { CurriculumSampler } from 'millrace/curriculum';
import { RunStatistics } from 'millrace/monitor';
import { describe, expect, it } from 'vitest';
import { sizeOfBatch } from '../../dist/monitor/batch-size.js';
import { valuesOf } from '../../dist/monitor/metrics.js';
import { batchesOf, range } from '../loader/collect.js';
import { began, delivered, start } from './run-events.js';

/** Samples of some tokens each. */
const tokens = (length: number, each: number) =>
  new ArrayDataset(Array.from({ length }, () => new Int32Array(each)));

describe('the statistics of a run', () => {
  it('sum up deliveries, waits and skipped samples', () => {
    const statistics = new RunStatistics();
    statistics.receive(began());
    for (const batch of [1, 2, 3, 4]) statistics.receive(delivered(batch));
    const skipped = [{ index: 3, epoch: 0, reason: 'torn' }];
    statistics.receive(delivered(5, { samples: 7, skipped }));
    expect(statistics.totals()).toMatchObject({
      batches: 5,
      samples: 39,
      tokens: 5 * 128,
      bytes: 5 * 512,
      waitMs: 150,
      elapsedMs: 430,
      skipped: 1,
      errors: 0,
    });
  });

  it('sum up samples and tokens by source and pass, which every writer has', async () => {
    const loader = new DataLoader(
      new MixtureDataset([tokens(3, 2), tokens(5, 4)], { weights: [1, 1], length: 16 }),
      { batchSize: 4, provenance: true, collate: padCollate() },
    );
    const statistics = new RunStatistics();
    loader.observe(statistics.receive);
    await batchesOf(loader);
    const { sources } = statistics.totals();
    expect(sources).toEqual(loader.stats().sources);
    expect(sources.map(({ source, samples, tokens }) => [source, samples, tokens])).toEqual([
      [0, 3, 6],
      [0, 3, 6],
      [0, 2, 4],
      [1, 5, 20],
      [1, 3, 12],
    ]);
    const written = valuesOf(statistics.reader()()).filter(
      ({ metric }) => metric.name === 'source_tokens_total',
    );
    expect(written.map(({ labeled, value }) => `${labeled}: ${value}`)).toEqual([
      '0_0: 6',
      '0_1: 6',
      '0_2: 4',
      '1_0: 20',
      '1_1: 12',
    ]);
  });

  it('report where the time of making batches went, including the hand-off', () => {
    const statistics = new RunStatistics();
    statistics.receive(delivered(1));
    statistics.receive(delivered(2, { collateMs: 3 }));
    expect(statistics.totals().stageMs).toEqual({
      storage: 20,
      decode: 40,
      transform: 50,
      collate: 13,
      handOff: 8,
    });
  });

  it('count no hand-off while the consumer was busy with the previous batch', () => {
    const statistics = new RunStatistics();
    // Made 20 ms before delivery, requested 5 ms before; the thread was blocked until then.
    statistics.receive(delivered(1, { waitMs: 5, readyAt: start + 98 }));
    statistics.receive(delivered(2, { waitMs: 0, readyAt: start + 200 }));
    expect(statistics.totals().stageMs.handOff).toBe(3);
  });

  it('extrapolate the measured batches to those not measured', () => {
    const statistics = new RunStatistics();
    statistics.receive(delivered(1));
    statistics.receive(delivered(2, { stages: undefined, makeMs: 180 }));
    const { storage, decode, transform, collate } = statistics.totals().stageMs;
    expect([storage, decode, transform, collate]).toEqual([40, 80, 100, 20]);
  });

  it('give each reader the rates since its own previous call', () => {
    const statistics = new RunStatistics();
    const [often, seldom] = [statistics.reader(), statistics.reader()];
    statistics.receive(delivered(1));
    often();
    statistics.receive(delivered(2));
    statistics.receive(delivered(3, { waitMs: 70 }));
    expect(often()).toMatchObject({
      samplesPerSecond: 80,
      tokensPerSecond: 1280,
      waitShare: 0.5,
      at: start + 300,
    });
    expect(seldom()).toMatchObject({ waitShare: 130 / 230, batch: 3, ready: 1, underWay: 4 });
    expect(often()).toMatchObject({ samplesPerSecond: 0, waitShare: 0 });
  });

  it('agree with loader.stats()', async () => {
    const loader = new DataLoader(range(500), { batchSize: 8, numWorkers: 2 });
    const statistics = new RunStatistics();
    loader.observe(statistics.receive);
    await batchesOf(loader);
    const { batches, samples, waitMs, elapsedMs, skipped } = loader.stats();
    const totals = statistics.totals();
    expect(totals).toMatchObject({ batches, samples, skipped });
    expect(totals.waitMs).toBeCloseTo(waitMs, 6);
    expect(totals.elapsedMs).toBeCloseTo(elapsedMs, 1);
    await loader.close();
  });

  it("report the curriculum's current difficulty", async () => {
    const sampler = new CurriculumSampler(100, {
      batchSize: 10,
      stepsPerEpoch: 10,
      metrics: {
        seqlen: {
          index: Float64Array.from({ length: 100 }, (_, i) => i),
          minDifficulty: 10,
          maxDifficulty: 100,
          schedule: { type: 'linear', totalSteps: 10, difficultyStep: 10 },
        },
      },
    });
    const statistics = new RunStatistics();
    statistics.receive(began({ sampler, gradientAccumulationSteps: 2 }));
    statistics.receive(delivered(9));
    const { difficulties } = statistics.reader()();
    expect(difficulties).toEqual(sampler.difficultiesAt(0, 4));
    expect(difficulties.seqlen).toBeGreaterThan(10);
  });
});

describe('the size of a batch', () => {
  const tensor = (dtype: string, ...shape: number[]) => ({
    dtype,
    shape,
    data: new Int32Array(shape.reduce((product, size) => product * size, 1)),
  });

  it.each([
    [
      'the first integer matrix',
      { weight: tensor('float32', 4, 9), x: tensor('int32', 4, 16), y: tensor('int32', 4, 16) },
      64,
    ],
    ['a field tokens of packed samples', { tokens: tensor('int32', 37), offsets: tensor('int32', 4) }, 37],
    ['nothing in images and labels', { image: tensor('uint8', 4, 8, 8, 3), label: tensor('int32', 4) }, 0],
    ['nothing in a list of strings', ['a', 'b'], 0],
  ])('counts %s as tokens', (_, batch, tokens) => {
    expect(sizeOfBatch(batch, undefined).tokens).toBe(tokens);
  });

  it("counts tokens with the user's function, and bytes of all fields", () => {
    const batch = { x: tensor('int32', 4, 16), more: [tensor('int32', 2), { raw: new Uint8Array(5) }] };
    const countTokens = ({ x }: { x: { data: Int32Array } }): number => x.data.length / 2;
    expect(sizeOfBatch(batch, countTokens)).toEqual({ tokens: 32, bytes: 256 + 8 + 5 });
  });
});
