import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adviceFor, describeSetting, slowestStage, verdictOn } from '../../../dist/cli/bench/advice.js';
import type { PipelineSpeed } from '../../../dist/cli/bench/measure-pipeline.js';
import { bestOf, workerCounts } from '../../../dist/cli/bench/tune-pipeline.js';

function speed(samplesPerSecond: number, fields: Partial<PipelineSpeed> = {}): PipelineSpeed {
  return {
    numWorkers: 0,
    prefetchFactor: 0,
    reuseBuffers: false,
    batches: 100,
    batchesPerSecond: samplesPerSecond / 8,
    samplesPerSecond,
    tokensPerSecond: 0,
    bytesPerSecond: 1e6,
    bytesPerBatch: 1e4,
    stageMs: { storage: 1, decode: 1, transform: 1, collate: 1, handOff: 1 },
    consumerMs: 0,
    waitShare: 0.9,
    firstBatchMs: 10,
    ...fields,
  };
}

describe('advice', () => {
  it('names the fastest measured setting and its speed-up', () => {
    const [advice, ...more] = adviceFor(speed(100), speed(250, { numWorkers: 2, prefetchFactor: 4 }));
    expect(advice).toEqual({ change: 'numWorkers: 2, prefetchFactor: 4', gain: 2.5, measured: true });
    expect(more).toEqual([]);
  });

  it('advises nothing if no setting is faster by a tenth', () => {
    expect(adviceFor(speed(100), speed(109, { numWorkers: 1 }))).toEqual([]);
  });

  it('gives the maximum speed-up without the slowest stage', () => {
    const stageMs = { storage: 6, decode: 1, transform: 1, collate: 1, handOff: 1 };
    const [advice] = adviceFor(speed(100, { stageMs }), speed(100, { stageMs }));
    expect(advice).toMatchObject({ gain: 2.5, measured: false });
    expect(advice!.change).toContain('Most of it is reading');
    expect(slowestStage(speed(1, { stageMs }))).toEqual(['storage', 0.6]);
  });

  it('states whether the trainer would wait', () => {
    expect(verdictOn(speed(1_234.4), 0)).toContain('At most 1,234 samples per second');
    expect(verdictOn(speed(1, { waitShare: 0.01 }), 50)).toBe(
      'Data keeps up with steps of 50 ms: the trainer waits for it 1.0 % of the time.',
    );
    expect(verdictOn(speed(1, { waitShare: 0.4 }), 50)).toContain('waits for data 40.0 % of the time');
  });

  it('writes settings as options', () => {
    expect(describeSetting(speed(1, { reuseBuffers: true }))).toBe('numWorkers: 0, reuseBuffers: true');
  });
});

describe('the search', () => {
  it('chooses the first setting that no later one beats by a relevant gain', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 1e6, noNaN: true }), { minLength: 1 }), (rates) => {
        const best = bestOf(rates.map((rate) => speed(rate))).samplesPerSecond;
        expect(best).toBeGreaterThanOrEqual(Math.max(...rates) / 1.05);
      }),
    );
    expect(bestOf([speed(100), speed(104, { numWorkers: 4 })]).numWorkers).toBe(0);
  });

  it.each([
    [1, [0, 1]],
    [2, [0, 1, 2]],
    [6, [0, 1, 2, 4, 6]],
    [16, [0, 1, 2, 4, 8, 16]],
  ])('tries, on %i processors, %j workers', (processors, counts) => {
    expect(workerCounts(processors)).toEqual(counts);
  });
});
