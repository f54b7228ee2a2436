import { ArrayDataset, padCollate, RandomSampler, type Tensor, workerFunction } from 'millrace';
import { defineConfig, openConfig } from 'millrace/config';
import { describe, it } from 'vitest';

const texts = new ArrayDataset([{ text: 'a', label: 1 }]);

describe('defineConfig', () => {
  it('accepts every kind of data', () => {
    defineConfig({ data: 's3://bucket/train/*.parquet' });
    defineConfig({ data: { files: 'data', format: 'jsonl', cache: true } });
    defineConfig({ data: texts, loader: { batchSize: 2, sampler: new RandomSampler(texts) } });
    defineConfig({ data: new URL('file:///data.js') });
    defineConfig({ data: { mixture: { a: { data: 'a', weight: 1 }, b: { data: texts, weight: 2 } } } });
    defineConfig(({ rank }) => ({ data: `part-${rank}` }));
  });

  it('accepts functions over samples', () => {
    defineConfig({
      data: texts,
      loader: {
        transform: (sample: { text: string; label: number }, { rng }) => ({ ...sample, flip: rng.boolean() }),
        collate: padCollate({ padValue: 0 }),
        numWorkers: 'auto',
      },
    });
    defineConfig({ data: 'x', loader: { collate: (samples: readonly Tensor[]) => samples.length } });
    defineConfig({ data: 'x', loader: { transform: workerFunction('file:///t.js') } });
  });

  it('rejects misspelled options at compile time', () => {
    // @ts-expect-error windows, not window
    defineConfig({ data: 'x', window: { length: 4 } });
    // @ts-expect-error a number
    defineConfig({ data: 'x', loader: { batchSize: '4' } });
    // @ts-expect-error data is missing
    defineConfig({ loader: {} });
  });
});

describe('openConfig', () => {
  it('returns a loader to iterate', async () => {
    const { loader } = await openConfig('millrace.config.ts', { rank: 0, worldSize: 2 });
    for await (const _batch of loader);
  });
});
