// Every finding is provoked once, and once the doctor is silent about it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnose } from '../../../dist/cli/doctor/diagnose.js';
import { openRun } from '../../../dist/cli/plan/open-run.js';
import { ConfigFolder } from '../../config/folder.js';
import { runCommand } from '../run-command.js';

let folder: ConfigFolder;
beforeAll(() => {
  folder = new ConfigFolder();
  folder.tokens(
    'even',
    Array.from({ length: 40 }, () => 8),
  );
  folder.tokens(
    'skewed',
    Array.from({ length: 40 }, (_, i) => (i % 8 === 0 ? 400 : 4)),
  );
  folder.tokens('small', [20, 20]);
  for (const [name, count] of [
    ['tiny', 1_000],
    ['few', 3],
  ] as const) {
    mkdirSync(join(folder.path, name));
    for (let i = 0; i < count; i++) writeFileSync(join(folder.path, name, `${i}.txt`), 'a line\n');
  }
});
afterAll(() => folder.remove());

let modules = 0;

/** Names of what is found in a configuration. */
async function found(expression: string, options: object = {}): Promise<string[]> {
  const path = folder.module(`config-${modules++}.mjs`, expression);
  const { opened, openForRank } = await openRun(path, { rank: 0, worldSize: 1, ...options });
  try {
    return (await diagnose(path, opened, openForRank)).findings.map(({ name }) => name);
  } finally {
    await opened.close();
  }
}

const array = 'new M.ArrayDataset(Array.from({ length: 10 }, (_, i) => i))';
const loader = (options: string) => `new M.DataLoader(${array}, { ${options} })`;
const distributed = (options: string) =>
  `new M.DistributedSampler(10, { rank: 0, worldSize: 3, ${options} })`;
const random = new URL('../../../dist/random/index.js', import.meta.url).href;
const unseekable = 'setEpoch() {}, *[Symbol.iterator]() { for (let i = 0; i < 10; i++) yield i; }';
const curriculum = (
  total: number,
  steps: number,
  lengths = 'Array.from({ length: 400 }, (_, i) => 1 + (i % 20))',
) =>
  `{ data: new M.ArrayDataset(Array.from({ length: 400 }, (_, i) => i)), loader: { batchSize: 4 }, training: { steps: ${steps} },
     curriculum: { metrics: { seqlen: { index: ${lengths}, minDifficulty: 1, maxDifficulty: 20, 
       schedule: { type: 'linear', totalSteps: ${total}, difficultyStep: 1 } } } } }`;
const mixture = (web: number, books: number, epochs = 1) =>
  `{ data: { mixture: { web: { data: 'even', weight: ${web} }, books: { data: 'small', weight: ${books} } } },
     windows: { length: 7 }, loader: { batchSize: 4 }, training: { epochs: ${epochs} } }`;

describe('millrace doctor', () => {
  it.each([
    [
      'padding-duplicates',
      loader(`batchSize: 2, sampler: ${distributed('')}`),
      loader(`batchSize: 2, sampler: ${distributed("uneven: 'short'")}`),
    ],
    [
      'never-seen',
      loader('batchSize: 4, dropLast: true'),
      loader('batchSize: 4, dropLast: true, shuffle: true'),
    ],
    ['forgotten-epoch', loader(`sampler: [3, 1, 2, 0], batchSize: 2`), loader('shuffle: true, batchSize: 2')],
    [
      'non-seekable',
      loader(`sampler: { length: 10, ${unseekable} }`),
      loader(`sampler: { length: 10, seek() {}, ${unseekable} }`),
    ],
    [
      'seeds-collide',
      loader(
        `sampler: ${distributed(`uneven: 'short', generator: new (await import('${random}')).TorchGenerator(0)`)}`,
      ),
      loader(`sampler: ${distributed("uneven: 'short', seed: 0")}`),
    ],
    [
      'seeds-differ',
      `({ rank }) => ({ data: ${array}, loader: { shuffle: true, batchSize: 2, seed: rank } })`,
      `({ rank }) => ({ data: ${array}, loader: { shuffle: true, batchSize: 2, seed: 7 } })`,
    ],
    ['schedule-ends-after-training', curriculum(300, 200), curriculum(150, 200)],
    ['schedule-ends-before-training', curriculum(15, 200), curriculum(150, 200)],
    ['starving-cluster', curriculum(195, 200), curriculum(100, 200)],
    ['starving-source', mixture(1, 100), mixture(30, 2)],
    ['repeated-source', mixture(1, 1, 3), mixture(30, 2)],
    [
      'tiny-files',
      `{ data: { files: 'tiny', format: 'text' } }`,
      `{ data: { files: 'few', format: 'text' } }`,
    ],
    [
      'skewed-lengths',
      `{ data: 'skewed', loader: { batchSize: 8, shuffle: true, collate: M.padCollate() } }`,
      `{ data: 'skewed', tokenBudget: { maxTokens: 400 }, loader: { collate: M.padCollate() } }`,
    ],
    [
      'memory',
      `{ data: 'even', packing: { rowLength: 10_000_000 }, loader: { numWorkers: 64, prefetchFactor: 1_000 } }`,
      `{ data: 'even', packing: { rowLength: 100 }, loader: { numWorkers: 1, prefetchFactor: 2 } }`,
    ],
    [
      'ragged-samples',
      `{ data: 'skewed', loader: { batchSize: 8 } }`,
      `{ data: 'even', loader: { batchSize: 8 } }`,
    ],
  ])('finds %s, and is silent where there is none', async (name, ill, well) => {
    expect(await found(ill)).toContain(name);
    expect(await found(well)).not.toContain(name);
  });

  it('finds uneven shares, repeated samples of a short batch, and processes that are unaware of each other', async () => {
    const declared = `{ data: ${array}, loader: { batchSize: 4 } }`;
    expect(await found(declared, { worldSize: 3 })).toEqual(['padding-duplicates', 'uneven-shares']);
    expect(await found(declared, { worldSize: 2 })).toEqual([]);
    expect(await found(loader('batchSize: 5'), { worldSize: 5 })).toContain('not-shared');
    expect(await found(loader('batchSize: 5, worldSize: 5, rank: 0'), { worldSize: 5 })).toEqual([]);
  });

  it('examines streams', async () => {
    const stream = '{ *iterate() { yield 1; } }';
    expect(await found(`new M.DataLoader(${stream})`)).toEqual(['non-seekable']);
    expect(await found(`new M.DataLoader({ seekable: true, ...${stream} })`)).toEqual([]);
  });

  it('finds the forgotten epoch of DeepSpeed with parity', async () => {
    const path = folder.json('ds.json', { train_batch_size: 4 });
    for (const parity of [true, false]) {
      const { opened, openForRank } = await openRun(path, { samples: 16, rank: 0, worldSize: 1, parity });
      const { findings } = await diagnose(path, opened, openForRank);
      await opened.close();
      expect(findings.map(({ name }) => name)).toEqual(parity ? ['forgotten-epoch'] : []);
    }
  });

  it('reports no problems for a good configuration and for data alone; the exit status tells whether there are problems', async () => {
    const path = folder.module('healthy.mjs', `{ data: 'even', loader: { batchSize: 4, shuffle: true } }`);
    expect(await runCommand(['doctor', path])).toMatchObject({
      status: 0,
      stdout: `✓ No problems found in ${path} (40 samples).\n`,
    });
    const ill = await runCommand(['doctor', join(folder.path, 'skewed'), '--json']);
    expect(ill.status).toBe(1);
    expect(JSON.parse(ill.stdout).findings).toMatchObject([
      { name: 'skewed-lengths', fix: expect.stringContaining('packing') },
    ]);
  });
});
