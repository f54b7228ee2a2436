import { ArrayDataset, DataLoader, tensor } from 'millrace';
import { describe, expect, it } from 'vitest';

/** All batches of a loader. */
async function drain<B>(loader: AsyncIterable<B>): Promise<B[]> {
  const batches: B[] = [];
  for await (const batch of loader) batches.push(batch);
  return batches;
}

const listed = (samples: readonly number[]): readonly number[] => samples;

/** Has the same samples, but each by a call of `get`. */
class Called<T> extends ArrayDataset<T> {
  override get(index: number): T {
    return super.get(index);
  }
}

describe('an ArrayDataset, whose samples the loader takes without a call for each', () => {
  const kinds: Readonly<Record<string, unknown[]>> = {
    numbers: [1, 2.5, 3, 4, 5, 6, 7],
    texts: ['a', 'b', 'c', 'd'],
    objects: Array.from({ length: 7 }, (_, id) => ({ id, text: `row ${id}` })),
    tensors: Array.from({ length: 5 }, (_, k) => tensor(Int32Array.of(k, k + 1))),
    promises: Array.from({ length: 5 }, async (_, k) => k),
  };
  for (const [kind, items] of Object.entries(kinds))
    it(`gives the batches that get gives: ${kind}`, async () => {
      const options = { batchSize: 3, shuffle: true, seed: 4 };
      const batches = await drain(new DataLoader(new ArrayDataset(items), options));
      expect(batches).toEqual(await drain(new DataLoader(new Called(items), options)));
      expect(batches).toHaveLength(Math.ceil(items.length / 3));
    });

  it('calls the get of a subclass, and of an instance', async () => {
    class Doubled extends ArrayDataset<number> {
      override get(index: number): number {
        return 2 * super.get(index);
      }
    }
    const replaced = new ArrayDataset([1, 2, 3]);
    replaced.get = (index) => 2 * replaced.items[index]!;
    for (const dataset of [new Doubled([1, 2, 3]), replaced])
      expect(await drain(new DataLoader(dataset, { batchSize: 3, collate: listed }))).toEqual([[2, 4, 6]]);
  });

  it('applies a transform, and refuses indices that it does not have', async () => {
    const negated = new DataLoader(new ArrayDataset([1, 2, 3]), {
      batchSize: 3,
      transform: (sample: number) => -sample,
      collate: listed,
    });
    expect(await drain(negated)).toEqual([[-1, -2, -3]]);
    const items = [1, 2, 3];
    const batches = new DataLoader(new ArrayDataset(items), { batchSize: 1 })[Symbol.asyncIterator]();
    await batches.next();
    items.length = 1;
    await expect(batches.next()).rejects.toMatchObject({
      code: 'ERR_MILLRACE_SAMPLE',
      cause: { code: 'ERR_MILLRACE_INDEX_RANGE' },
    });
  });
});
