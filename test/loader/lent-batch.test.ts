import { ArrayDataset, DataLoader, padCollate, type Tensor } from 'millrace';
import { ReleasedBatchError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';

const rows = new ArrayDataset(
  Array.from({ length: 12 }, (_, i) => ({ x: new Float32Array(16).fill(i), y: i })),
);

describe.each([0, 2])('batches that are lent, %i workers', (numWorkers) => {
  const options = { batchSize: 3, numWorkers, reuseBuffers: true } as const;

  it('refuse use after the next one was requested, or the loader was closed', async () => {
    const loader = new DataLoader(rows, options);
    const kept: { x: Tensor; y: Tensor }[] = [];
    for await (const batch of loader) {
      expect(batch.x.data[0]).toBe(batch.y.data[0]);
      kept.push(batch);
      if (kept.length === 3) break;
    }
    await loader.close();
    for (const batch of kept) {
      expect(() => batch.x.data).toThrow(ReleasedBatchError);
      expect(() => batch.y.data).toThrow(/released: .*shape \[3\].*`using` block/);
      expect(batch.x.shape).toEqual([3, 16]);
    }
  });

  it('are released at the end of their block', async () => {
    const loader = new DataLoader(rows, options);
    let outside: Tensor | undefined;
    const seen: number[] = [];
    for await (const lent of loader) {
      {
        using batch = lent;
        outside = batch.x;
        seen.push(...(batch.y.data as Float32Array));
      }
      expect(() => outside?.data).toThrow(ReleasedBatchError);
    }
    expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => i));
    await loader.close();
  });

  it('are not looked after in production', async () => {
    const before = process.env.NODE_ENV;
    process.env.NODE_ENV = 'production';
    try {
      const loader = new DataLoader(rows, options);
      const kept: Tensor[] = [];
      for await (const batch of loader) kept.push(batch.x);
      await loader.close();
      expect(kept.every(({ data }) => data.length === 48)).toBe(true);
    } finally {
      process.env.NODE_ENV = before;
    }
  });
});

describe.each([0, 1])('ragged batches in slots, %i workers', (numWorkers) => {
  it('are padded there; the ones that are too large for their slot get memory of their own and are counted', async () => {
    const lengths = [4, 4, 2, 3, 900, 1, 5, 5, 2, 1, 1, 1];
    const ragged = new ArrayDataset(lengths.map((length, i) => new Int32Array(length).fill(i + 1)));
    const collate = padCollate({ padValue: -1 });
    const lent = new DataLoader(ragged, { batchSize: 2, numWorkers, collate, reuseBuffers: true });
    const owned = new DataLoader(ragged, { batchSize: 2, collate });
    const seen: unknown[] = [];
    for await (const batch of lent) seen.push([batch.shape, Array.from(batch.data as Int32Array)]);
    const expected: unknown[] = [];
    for await (const batch of owned) expected.push([batch.shape, Array.from(batch.data as Int32Array)]);
    expect(seen).toEqual(expected);
    expect(lent.stats().overflows).toBe(1);
    await lent.close();
  });
});
