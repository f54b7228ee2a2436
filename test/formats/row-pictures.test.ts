// Pictures in rows of tables and of data sets of the Hub: test/fixtures/picture-rows has the script that made them.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataLoader, type Dataset, type SampleContext, type Tensor } from 'millrace';
import { ConfigError, WorkerTransferError } from 'millrace/errors';
import { loadDataset, openDataset } from 'millrace/formats';
import { normalize, randomHorizontalFlip, resize } from 'millrace/images';
import { afterAll, describe, expect, it } from 'vitest';

const fixtures = fileURLToPath(new URL('../fixtures/picture-rows/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'row-pictures-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The pixel formula of the script. */
const level = (k: number, i: number) => (7 * i + 40 * k) % 256;

interface Row {
  readonly image: Tensor<'uint8'>;
  readonly label: Tensor<'int64'>;
}

async function batchesOf(dataset: Dataset<unknown>, numWorkers = 0): Promise<Row[]> {
  const loader = new DataLoader(dataset, { batchSize: 2, shuffle: true, seed: 3, numWorkers });
  const batches: Row[] = [];
  try {
    for await (const batch of loader) batches.push(batch as Row);
  } finally {
    await loader.close();
  }
  return batches;
}

describe('pictures in rows', () => {
  it.each(['train.parquet', 'train.arrow'])('of %s become tensors by transforms', async (file) => {
    const { dataset } = await openDataset(join(fixtures, file), { transforms: [], layout: 'NHWC' });
    for (let k = 0; k < dataset.length; k++) {
      const row = (await dataset.get(k, undefined as unknown as SampleContext)) as Row & { label: bigint };
      expect(row.image.shape).toEqual([4, 6, 3]);
      expect(Array.from(row.image.data)).toEqual(Array.from({ length: 72 }, (_, i) => level(k, i)));
      expect(Number(row.label)).toBe([0, 1, 0, 1, 1][k]);
    }
  });

  it('are bytes without transforms, and the columns beside them stay', async () => {
    const { dataset } = await openDataset(join(fixtures, 'plain.parquet'), { transforms: [resize([2, 3])] });
    expect(await dataset.get(4, undefined as unknown as SampleContext)).toMatchObject({
      jpg: { dtype: 'uint8', shape: [3, 2, 3] },
      name: 'n4',
    });
    const { dataset: bytes } = await openDataset(join(fixtures, 'plain.parquet'));
    expect(await bytes.get(4, undefined as unknown as SampleContext)).toMatchObject({
      jpg: expect.any(Uint8Array),
    });
  });

  it('are the same in workers, from a table and from a data set of the Hub', async () => {
    const transforms = [randomHorizontalFlip(), resize([2, 2]), normalize()];
    const hub = join(folder, 'hub');
    mkdirSync(hub);
    cpSync(join(fixtures, 'train.parquet'), join(hub, 'train.parquet'));
    const open = [
      async () => (await openDataset(join(fixtures, 'train.parquet'), { transforms })).dataset,
      () => loadDataset(hub, { split: 'train', transforms }) as Promise<Dataset<unknown>>,
    ];
    const found: Row[][] = [];
    for (const make of open) {
      const alone = await batchesOf(await make());
      expect(alone[0]!.image).toMatchObject({ dtype: 'float32', shape: [2, 3, 2, 2] });
      expect(await batchesOf(await make(), 1)).toEqual(alone);
      found.push(alone);
    }
    expect(found[0]!.map(({ image }) => image)).toEqual(found[1]!.map(({ image }) => image));
  });

  it('change the fingerprint, as their steps do', async () => {
    const of = async (options: object) =>
      (await openDataset(join(fixtures, 'train.parquet'), options)).dataset.fingerprint?.();
    const found = [{}, { transforms: [] }, { transforms: [resize(4)] }, { transforms: [], layout: 'NHWC' }];
    const prints = await Promise.all(found.map(of));
    expect(new Set(prints).size).toBe(4);
  });

  it('refuses rows without a picture or with several, formats without pictures, and options without transforms', async () => {
    const open = async (file: string, options: object) => {
      const { dataset } = await openDataset(join(fixtures, file), options);
      return dataset.get(0, undefined as unknown as SampleContext);
    };
    await expect(open('two.parquet', { transforms: [] })).rejects.toThrow(/several pictures, a and b/);
    await expect(open('two.parquet', { transforms: [], columns: ['b'] })).resolves.toMatchObject({ b: {} });
    await expect(open('plain.parquet', { transforms: [], columns: ['name'] })).rejects.toThrow(
      /no picture among its columns: name/,
    );
    await expect(open('plain.parquet', { layout: 'NHWC' })).rejects.toThrow(/layout.*without transforms/);
    const csv = join(folder, 'rows.csv');
    writeFileSync(csv, 'a,b\n1,2\n');
    const refused = openDataset(csv, { transforms: [] });
    await expect(refused).rejects.toThrow(ConfigError);
    await expect(refused).rejects.toThrow(/transforms.*csv/);
  });

  it('with a step that is a function cannot be moved into workers, which says how to', async () => {
    const { dataset } = await openDataset(join(fixtures, 'train.parquet'), {
      transforms: [(image) => image],
    });
    await expect(batchesOf(dataset, 1)).rejects.toThrow(WorkerTransferError);
  });
});
