import {
  ArrayDataset,
  ConcatDataset,
  type Dataset,
  MapDataset,
  MixtureDataset,
  Subset,
  type Tensor,
} from 'millrace';
import { IndexedDataset } from 'millrace/formats';
import { sampleContext } from 'millrace/random';
import { PackedDataset, TokenWindows } from 'millrace/tokens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleLengths } from '../../dist/tokens/sample-lengths.js';
import { ConfigFolder } from '../config/folder.js';

let folder: ConfigFolder;
let first: IndexedDataset;
let second: IndexedDataset;
beforeAll(async () => {
  folder = new ConfigFolder();
  first = await IndexedDataset.open(folder.tokens('first', [5, 3, 9, 1, 7]));
  second = await IndexedDataset.open(folder.tokens('second', [20, 30, 10]));
});
afterAll(() => {
  first.close();
  second.close();
  folder.remove();
});

const datasets: Readonly<Record<string, () => Dataset<Tensor>>> = {
  IndexedDataset: () => first,
  Subset: () => new Subset(first, [4, 0, 0]),
  ConcatDataset: () => new ConcatDataset<Tensor>([first, new Subset<Tensor>(first, []), second]),
  MixtureDataset: () => new MixtureDataset<Tensor>([first, second], { weights: [2, 1], seed: 3 }),
  'a mixture of parts': () =>
    new MixtureDataset<Tensor>([new Subset<Tensor>(first, [2, 1]), second], { weights: [1, 1] }),
};

describe('sampleLengths', () => {
  it.each(Object.keys(datasets))('says the tokens of every sample of %s, in every epoch', async (name) => {
    const dataset = datasets[name]!();
    const lengthOf = sampleLengths(dataset)!;
    for (let epoch = 0; epoch < 3; epoch++) {
      for (let index = 0; index < dataset.length; index++) {
        const sample = await dataset.get(index, sampleContext(index, { epoch }));
        expect(lengthOf(index, epoch)).toBe(sample.data.length);
      }
    }
  });

  it('says the length of windows and rows', () => {
    expect(sampleLengths(new TokenWindows(first, { length: 4 }))!(2, 0)).toBe(4);
    expect(sampleLengths(new PackedDataset(first, { rowLength: 12 }))!(0, 0)).toBe(12);
  });

  it('knows nothing behind a function, and of what does not say', () => {
    expect(sampleLengths(new MapDataset(first, (sample) => sample))).toBeUndefined();
    expect(sampleLengths(new ConcatDataset<unknown>([first, new ArrayDataset([1])]))).toBeUndefined();
    expect(sampleLengths(new ArrayDataset([1, 2]))).toBeUndefined();
  });
});
