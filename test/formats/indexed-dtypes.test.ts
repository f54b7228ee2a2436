import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FormatError } from 'millrace/errors';
import { IndexedDataset, IndexedDatasetBuilder, openDataset } from 'millrace/formats';
import { expect, it } from 'vitest';

/** A pair of files with one item. */
function pair(
  values: readonly number[],
  dtype: 'uint32' | 'float32' | 'uint16',
  dtypeTable: 'deepspeed' | 'megatron',
): string {
  const prefix = join(mkdtempSync(join(tmpdir(), 'millrace-indexed-')), 'x');
  const builder = new IndexedDatasetBuilder(prefix, { dtype, dtypeTable });
  builder.addItem(values);
  builder.endDocument();
  builder.finalize();
  return prefix;
}

it.each([[[0.5, -1.25, 3]], [[0, 0, 0]], [[1e-30]]])(
  'asks whose float32 or uint32 it is: %j',
  async (values) => {
    const prefix = pair(values, 'float32', 'megatron');
    const opening = IndexedDataset.open(prefix);
    await expect(opening).rejects.toThrow(
      /uint32 in DeepSpeed and float32 in Megatron-LM.*dtypeTable: 'megatron'/,
    );
    await expect(opening).rejects.toThrow(FormatError);
    expect(() => IndexedDataset.openSync(prefix)).toThrow(FormatError);
    const { dataset } = await openDataset(prefix, { dtypeTable: 'megatron' });
    expect(await dataset.get(0, {} as never)).toMatchObject({
      dtype: 'float32',
      data: Float32Array.from(values),
    });
  },
);

it('sees that token ids are uint32', async () => {
  const values = Array.from({ length: 100_000 }, (_, k) => (k * 7919) % 250_000);
  const dataset = await IndexedDataset.open(pair(values, 'uint32', 'deepspeed'));
  expect(dataset.dtype).toBe('uint32');
  expect(Array.from(dataset.get(0).data, Number)).toEqual(values);
});

it('gives the modes of a multimodal index, and refuses other bytes behind it', async () => {
  const prefix = pair([1, 2, 3], 'uint16', 'megatron');
  expect((await IndexedDataset.open(prefix)).modes).toBeUndefined();
  appendFileSync(`${prefix}.idx`, Uint8Array.of(2));
  expect([...(await IndexedDataset.open(prefix)).modes!]).toEqual([2]);
  appendFileSync(`${prefix}.idx`, Uint8Array.of(2));
  await expect(IndexedDataset.open(prefix)).rejects.toThrow(/2 bytes after its arrays/);
});

it('takes empty documents of any type', () => {
  const prefix = join(mkdtempSync(join(tmpdir(), 'millrace-indexed-')), 'x');
  const builder = new IndexedDatasetBuilder(prefix, { dtype: 'uint16' });
  const empty = [[], new BigInt64Array(0), new BigUint64Array(0), new Float64Array(0), new Int8Array(0)];
  for (const item of empty) builder.addItem(item);
  builder.finalize();
  expect([...IndexedDataset.openSync(prefix).sizes]).toEqual([0, 0, 0, 0, 0]);
});

it('refuses an older index whose items share dimensions: a small file would fill the memory', () => {
  const prefix = pair([1], 'uint16', 'deepspeed');
  const [items, dimensions] = [1_000, 1_000];
  const index = Buffer.alloc(56 + 8 * (2 * (items + 1) + dimensions));
  index.write('TNTIDX\0\0', 0, 'latin1');
  for (const [k, field] of [1, 6, 2, items, dimensions, 0].entries())
    index.writeBigUInt64LE(BigInt(field), 8 + 8 * k);
  for (let k = 0; k <= items; k++) index.writeBigUInt64LE(BigInt(k % 2 === 0 ? 0 : dimensions), 56 + 8 * k);
  writeFileSync(`${prefix}.idx`, index);
  expect(() => IndexedDataset.openSync(prefix)).toThrow(/offsets of the dimensions/);
});
