import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataLoader, MixtureDataset } from 'millrace';
import { openConfig } from 'millrace/config';
import type { CurriculumSampler } from 'millrace/curriculum';
import { DeepSpeedDataLoader } from 'millrace/deepspeed';
import { TokenBudgetSampler, TokenWindows } from 'millrace/tokens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigFolder } from './folder.js';

let folder: ConfigFolder;
beforeAll(() => {
  folder = new ConfigFolder();
  folder.tokens('tokens', [5, 3, 9, 1, 7]);
  folder.tokens('more', [10, 20]);
  writeFileSync(join(folder.path, 'lines.jsonl'), '{"a":1}\n{"a":2}\n{"a":3}\n');
});
afterAll(() => folder.remove());

async function batchesOf(path: string, options = {}): Promise<unknown[]> {
  const { loader, close } = await openConfig(path, options);
  const batches: unknown[] = [];
  for await (const batch of loader) batches.push(batch);
  await close();
  return batches;
}

describe('openConfig', () => {
  it('opens a declared configuration: data next to the file, options of the loader', async () => {
    const path = folder.module(
      'plain.mjs',
      `defineConfig({ data: 'lines.jsonl', loader: { batchSize: 2, shuffle: true, seed: 4 } })`,
    );
    const { loader, dataset, kind, files, description, close } = await openConfig(path);
    expect([kind, dataset.length, loader.length, files]).toEqual([
      'millrace',
      3,
      2,
      [join(folder.path, 'lines.jsonl')],
    ]);
    expect(description).toContainEqual({ name: 'loader', value: '{ batchSize: 2, shuffle: true, seed: 4 }' });
    await close();
    const same = new DataLoader(dataset as never, { batchSize: 2, shuffle: true, seed: 4 });
    expect(loader.stateDict()).toEqual(same.stateDict());
  });

  it('opens JSON', async () => {
    const path = folder.json('plain.json', { data: 'lines.jsonl', loader: { batchSize: 3 } });
    expect(await batchesOf(path)).toHaveLength(1);
  });

  it('cuts tokens into windows, and packs them', async () => {
    const windows = await openConfig(folder.json('windows.json', { data: 'tokens', windows: { length: 4 } }));
    expect(windows.dataset).toBeInstanceOf(TokenWindows);
    const packed = await openConfig(
      folder.json('packed.json', { data: 'tokens', packing: { rowLength: 10 } }),
    );
    expect(packed.dataset.constructor.name).toBe('PackedDataset');
    await Promise.all([windows.close(), packed.close()]);
  });

  it('mixes sources by name, with the batch size of the loader', async () => {
    const opened = await openConfig(
      folder.json('mixture.json', {
        data: {
          mixture: { web: { data: 'tokens' }, books: { data: { files: 'more', format: 'indexed' } } },
          schedule: [
            { step: 0, weights: { web: 1 } },
            { step: 2, weights: { books: 1 } },
          ],
        },
        windows: { length: 4 },
        loader: { batchSize: 3 },
      }),
    );
    const mixture = opened.dataset as MixtureDataset<unknown>;
    expect(mixture).toBeInstanceOf(MixtureDataset);
    expect(opened.sourceNames).toEqual(['web', 'books']);
    expect(mixture.progressAfter(9).map(({ samples }) => samples)).toEqual([6, 3]);
    await opened.close();
  });

  it('admits samples by their lengths, or by an index', async () => {
    const metric = {
      minDifficulty: 3,
      maxDifficulty: 9,
      schedule: { type: 'discrete', difficulties: [3, 9], lastSteps: [2] },
    };
    const byLength = await openConfig(
      folder.json('curriculum.json', {
        data: 'tokens',
        loader: { batchSize: 2 },
        curriculum: { metrics: { seqlen: { ...metric, difficulty: 'length' } } },
      }),
    );
    const sizes = (opened: typeof byLength) =>
      (opened.sampler as CurriculumSampler).clusters.map(({ size }) => size);
    expect(sizes(byLength)).toEqual([2, 3]);
    await byLength.close();
    folder.tokens('rows', [0, 0]);
    const missing = {
      data: 'tokens',
      curriculum: { metrics: { seqlen: { ...metric, indexToSamplePath: 'nowhere' } } },
    };
    const oldSpelling = {
      data: 'tokens',
      curriculum: { metrics: { seqlen: { ...metric, index_to_sample_path: 'nowhere' } } },
    };
    await expect(openConfig(folder.json('old-spelling.json', oldSpelling))).rejects.toThrow(
      'curriculum.metrics.seqlen.index_to_sample_path: is spelled indexToSamplePath',
    );
    await expect(openConfig(folder.json('missing-index.json', missing))).rejects.toMatchObject({
      code: 'ERR_MILLRACE_STORAGE',
    });
  });

  it('bounds batches by tokens', async () => {
    const opened = await openConfig(
      folder.json('budget.json', { data: 'tokens', tokenBudget: { maxTokens: 12, method: 'packing' } }),
    );
    expect(opened.sampler).toBeInstanceOf(TokenBudgetSampler);
    await opened.close();
  });

  it('passes a function the process, and the loader its rank', async () => {
    const path = folder.module(
      'ranks.mjs',
      `defineConfig(({ rank, worldSize }) => ({ data: 'lines.jsonl', loader: { seed: rank * 10 + worldSize, batchSize: 3 } }))`,
    );
    const opened = await openConfig(path, { rank: 1, worldSize: 2 });
    expect(opened.variesByRank).toBe(true);
    expect((opened.loader as DataLoader<unknown>).options).toMatchObject({ seed: 12, rank: 1, worldSize: 2 });
    await opened.close();
  });

  it('opens a module that exports a loader, and DeepSpeed JSON', async () => {
    const path = folder.module(
      'loader.mjs',
      'new M.DataLoader(new M.ArrayDataset([1, 2, 3, 4]), { batchSize: 2, gradientAccumulationSteps: 2 })',
    );
    const loader = await openConfig(path);
    expect([loader.kind, loader.dataset.length, loader.gradientAccumulationSteps]).toEqual(['loader', 4, 2]);
    await loader.close();
    const json = folder.json('ds.json', { train_batch_size: 8, train_micro_batch_size_per_gpu: 2 });
    const deepspeed = await openConfig(json, { samples: 100, worldSize: 2 });
    expect(deepspeed.loader).toBeInstanceOf(DeepSpeedDataLoader);
    expect([deepspeed.kind, deepspeed.gradientAccumulationSteps, deepspeed.loader.length]).toEqual([
      'deepspeed',
      2,
      25,
    ]);
    await deepspeed.close();
  });

  it.each([
    ['an unknown section', { data: 'tokens', loder: {} }, /loder: unknown option, did you mean loader\?/],
    [
      'an unknown option of the loader',
      { data: 'tokens', loader: { batchsize: 2 } },
      /batchsize: unknown option, did you mean batchSize\?/,
    ],
    [
      'windows and packing',
      { data: 'tokens', windows: { length: 2 }, packing: { rowLength: 2 } },
      /packing: cannot be given together with windows/,
    ],
    [
      'two orders',
      { data: 'tokens', tokenBudget: { maxTokens: 9 }, loader: { shuffle: true } },
      /loader.shuffle: cannot be given together with tokenBudget/,
    ],
    [
      'windows of a dataset without tokens',
      { data: 'lines.jsonl', windows: { length: 2 } },
      /windows: needs tokens, but data is a JsonlDataset/,
    ],
    [
      'lengths of a dataset without lengths',
      { data: 'lines.jsonl', tokenBudget: { maxTokens: 9 } },
      /tokenBudget: needs the token count of each sample/,
    ],
    [
      'a source without data',
      { data: { mixture: { web: { dta: 'tokens' } } } },
      /data\.mixture\.web\.data: is missing/,
    ],
    [
      'a misspelled source in the schedule',
      { data: { mixture: { web: { data: 'tokens' } }, schedule: [{ step: 0, weights: { wbe: 1 } }] } },
      /data\.schedule\.0\.weights\.wbe: is not a source; the sources are web/,
    ],
    ['data of an unknown kind', { data: 7 }, /data: must be a path/],
  ])('rejects %s', async (_name, config, message) => {
    await expect(openConfig(folder.json('wrong.json', config))).rejects.toThrow(message);
  });

  it('names the command to install a package that a module imports and that is missing', async () => {
    const path = folder.file('lonely.mjs', `import 'no-such-package';\nexport default { data: 'tokens' };\n`);
    await expect(openConfig(path)).rejects.toThrow('npm install no-such-package');
  });

  it('says what to do about a missing file, a file without a configuration, and an unknown number of samples', async () => {
    await expect(openConfig('nowhere.ts')).rejects.toThrow(/There is no such file.*millrace init/);
    await expect(openConfig(folder.module('seven.mjs', '7'))).rejects.toThrow(/must export a configuration/);
    const empty = folder.json('millrace.config.json', { loader: {} });
    await expect(openConfig(empty)).rejects.toThrow(/Millrace configuration: data: is missing/);
    await expect(openConfig(folder.file('broken.json', '{ "data": '))).rejects.toThrow(
      /broken\.json: is not JSON/,
    );
    const json = folder.json('ds-only.json', { train_batch_size: 8 });
    await expect(openConfig(json)).rejects.toThrow(/samples: must be given.*--samples/);
  });
});
