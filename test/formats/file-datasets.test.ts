// What all formats share: one base class, and recipes from which a worker opens the files without finding the samples again.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset, IterableDataset, SampleContext } from 'millrace';
import * as formats from 'millrace/formats';
import { ImageFolder, IndexedDataset, IndexedDatasetBuilder, WebDataset } from 'millrace/formats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recipeOf } from '../../dist/core/recipe.js';
import { FileBacked } from '../../dist/formats/file-dataset.js';
import { makeFromRecipe } from '../../dist/recipes/make-from-recipe.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-file-datasets-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The dataset that a worker opens. */
const inWorker = async <D extends object>(dataset: D): Promise<D> =>
  (await makeFromRecipe(structuredClone(recipeOf(dataset, 'dataset')))) as D;

/** Every dataset of files. A `HubDataset` is made of others. */
const classes = Object.entries(formats).filter(
  ([name, value]) => typeof value === 'function' && 'fromRecipe' in value && name !== 'HubDataset',
);

it.each(classes)('%s has fingerprint, recipe and closing from the common base', (_name, value) => {
  expect((value as { prototype: unknown }).prototype).toBeInstanceOf(FileBacked);
});

describe('a worker opens', () => {
  it('an indexed dataset without its index file, whose content it shares with the main thread', async () => {
    const prefix = join(folder, 'tokens');
    const builder = new IndexedDatasetBuilder(prefix, { dtype: 'int32' });
    builder.addItem(Int32Array.of(1, 2, 3));
    builder.addItem(Int32Array.of(4, 5));
    builder.finalize();
    const dataset = IndexedDataset.openSync(prefix);
    const fingerprint = dataset.fingerprint();
    rmSync(`${prefix}.idx`);
    const moved = await inWorker(dataset);
    expect([moved.length, moved.tokenCount, moved.fingerprint()]).toEqual([2, 5, fingerprint]);
    expect(moved.get(1)).toEqual(dataset.get(1));
    expect(moved.sizes.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(dataset.sizes.buffer).toBeInstanceOf(SharedArrayBuffer);
    for (const each of [moved, dataset]) each.close();
  });

  it('an image folder without listing it again', async () => {
    for (const name of ['cats/1.png', 'dogs/2.png']) {
      mkdirSync(join(folder, name, '..'));
      writeFileSync(join(folder, name), name);
    }
    const dataset = await ImageFolder.open(folder);
    writeFileSync(join(folder, 'cats/2.png'), 'new');
    const moved = await inWorker(dataset);
    expect(moved.length).toBe(2);
    expect(moved.fingerprint()).toBe(dataset.fingerprint());
    expect([moved.path(1), moved.label(1), moved.classes]).toEqual(['dogs/2.png', 1, ['cats', 'dogs']]);
    expect(Buffer.from(await moved.bytes(1)).toString()).toBe('dogs/2.png');
  });

  it('a stream of tar shards', async () => {
    writeFileSync(join(folder, 'a.txt'), 'first');
    writeFileSync(join(folder, 'b.txt'), 'second');
    execFileSync('tar', ['-cf', 'shard.tar', 'a.txt', 'b.txt'], { cwd: folder });
    cpSync(join(folder, 'shard.tar'), join(folder, 'other.tar'));
    const dataset = await WebDataset.stream(join(folder, '*.tar'));
    const moved = await inWorker(dataset);
    expect([moved.numShards, moved.fingerprint()]).toEqual([2, dataset.fingerprint()]);
    const texts = [];
    for await (const { txt } of samplesOf(moved)) texts.push(txt);
    expect(texts).toEqual(['first', 'second']);
    for (const each of [moved, dataset]) each.close();
  });
});

const samplesOf = (stream: IterableDataset<Readonly<Record<string, unknown>>>) =>
  stream.iterate({ shard: 1, numShards: 2, epoch: 0, seed: 0, worker: null });

it('a dataset that cannot be prefetched says so', () => {
  const prefix = join(folder, 'tokens');
  const builder = new IndexedDatasetBuilder(prefix, { dtype: 'uint8' });
  builder.addItem(Uint8Array.of(1));
  builder.finalize();
  const dataset: Dataset<unknown> = IndexedDataset.openSync(prefix);
  expect(dataset.prefetch?.([0], 0)).toBeUndefined();
  expect(dataset.get(0, {} as SampleContext)).toBeDefined();
  void dataset.close?.();
});
