// Setters of DeepSpeed's schedulers, and the hooks of its analyzer.
import { ArrayDataset, type Tensor } from 'millrace';
import { CurriculumScheduler, DataAnalyzer, RandomLtdScheduler } from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';
import { recorded } from './originals.js';

type Step = readonly [call: 'update' | 'set' | 'reset', value: number, ...found: number[]];

interface Golden {
  readonly kind: 'curriculum' | 'random_ltd';
  readonly section: never;
  readonly config: never;
  readonly script: readonly Step[];
}

const [curriculum, randomLtd] = recorded<Golden>('setters.json') as [Golden, Golden];

describe('setters of schedulers', () => {
  it('set the difficulty as DeepSpeed: the next step changes it, unless it is the maximum', () => {
    const scheduler = new CurriculumScheduler(curriculum.section, { parity: true });
    for (const [call, value, difficulty] of curriculum.script) {
      if (call === 'set') scheduler.setCurrentDifficulty(value);
      else scheduler.updateDifficulty(value);
      expect(scheduler.currentDifficulty).toBe(difficulty);
    }
    expect(() => scheduler.setCurrentDifficulty(Number.NaN)).toThrow(/difficulty: must be/);
  });

  it('set and reset random-LTD as DeepSpeed', () => {
    const scheduler = new RandomLtdScheduler(randomLtd.config, { parity: true });
    for (const [call, value, ...found] of randomLtd.script) {
      if (call === 'set') scheduler.setCurrentSeq(value);
      else if (call === 'reset') scheduler.resetToInit();
      else scheduler.updateSeq(value);
      const { consumed_layer_tokens, current_steps } = scheduler.stateDict();
      const layers = scheduler.getRandomLtdLayerNum();
      expect([scheduler.getCurrentSeq(), consumed_layer_tokens, current_steps, layers]).toEqual(found);
    }
  });
});

describe('hooks of DataAnalyzer', () => {
  const dataset = new ArrayDataset(Array.from({ length: 10 }, (_, k) => k));
  const common = { metricNames: ['sum'], metricFunctions: [() => [0]], batchSize: 2, savePath: 'somewhere' };

  it('replace the map of each part and the reduce', async () => {
    const parts: { part: object; batches: [number[], number][] }[] = [];
    const reduced: unknown[] = [];
    const analyzer = new DataAnalyzer(dataset, {
      ...common,
      numWorkers: 2,
      workerId: 1,
      numThreads: 2,
      customMapInit: (part) => ({ part, batches: [] as [number[], number][] }),
      customMapUpdate: (batch: Tensor, results: { batches: [number[], number][] }, first: number) => {
        results.batches.push([Array.from(batch.data as Int32Array, Number), first]);
      },
      customMapFinalize: (results: { part: object; batches: [number[], number][] }) => {
        parts.push(results);
      },
      customReduce: async (reduce) => {
        reduced.push(reduce);
      },
    });
    await analyzer.runMapReduce();
    expect(parts.map(({ part }) => part)).toEqual(
      [0, 1].map((threadId) => ({ threadId, workerId: 1, metricNames: ['sum'], savePath: 'somewhere' })),
    );
    const seen = parts.flatMap(({ batches }) => batches.flatMap(([batch]) => batch));
    expect(seen).toEqual([5, 6, 7, 8, 9]);
    for (const [batch, first] of parts.flatMap(({ batches }) => batches)) expect(batch[0]).toBe(first);
    expect(reduced).toEqual([
      {
        samples: 10,
        metricNames: ['sum'],
        savePath: 'somewhere',
        numWorkers: 2,
        numThreads: 2,
        numThreadsReduce: 1,
      },
    ]);
  });

  it('come all three for the map', () => {
    const make = () => new DataAnalyzer(dataset, { ...common, customMapInit: () => [] });
    expect(make).toThrow(/customMapUpdate: is missing: the three functions of a custom map belong together/);
  });
});
