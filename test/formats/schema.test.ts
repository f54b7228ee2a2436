import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataLoader, type Dataset, type SampleContext, workerFunction } from 'millrace';
import { ConfigError, FormatError, WorkerTransferError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import * as valibot from 'valibot';
import { describe, expect, expectTypeOf, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'schema-'));
const lines = join(folder, 'lines.jsonl');
writeFileSync(lines, '{"n":1,"tags":[{"id":"a"}]}\n{"n":"2"}\n{"n":-3,"tags":[{"id":4}]}\n');
const context = {} as SampleContext;
const module = new URL('../fixtures/tables/schema.js', import.meta.url);

const byLibrary = valibot.object({
  n: valibot.pipe(valibot.number(), valibot.minValue(0)),
  tags: valibot.optional(valibot.array(valibot.object({ id: valibot.string() })), []),
});

describe('a schema', () => {
  it('types the samples', async () => {
    const { dataset } = await openDataset(lines, { schema: byLibrary });
    expectTypeOf(dataset).toEqualTypeOf<Dataset<{ n: number; tags: { id: string }[] }>>();
    const unchecked = await openDataset<{ n: number }>(lines);
    expectTypeOf(unchecked.dataset).toEqualTypeOf<Dataset<{ n: number }>>();
    expect(await dataset.get(0, context)).toEqual({ n: 1, tags: [{ id: 'a' }] });
  });

  it('names row and field of a sample that does not fit', async () => {
    const { dataset } = await openDataset(lines, { schema: byLibrary });
    const get = async (index: number) => dataset.get(index, context);
    await expect(get(1)).rejects.toThrow(FormatError);
    await expect(get(1)).rejects.toThrow(
      /Sample 1 does not fit the schema: n: .*file .*lines\.jsonl, row 1.*field n/,
    );
    await expect(get(2)).rejects.toThrow(/n: .*; tags\.0\.id: .*row 2/);
    await expect(get(1)).rejects.toMatchObject({ where: { index: 1, row: 1, field: 'n' } });
  });

  it('names file and row of a table, after where has chosen rows', async () => {
    const csv = join(folder, 'rows.csv');
    writeFileSync(csv, 'n,s\n1,a\n-2,b\n3,a\n-4,a\n');
    const { dataset } = await openDataset(csv, {
      where: { s: 'a' },
      schema: valibot.object({ n: valibot.pipe(valibot.number(), valibot.minValue(0)) }),
    });
    expect(await dataset.get(1, context)).toEqual({ n: 3 });
    await expect(async () => dataset.get(2, context)).rejects.toThrow(/Sample 2 .*rows\.csv, row 3/);
  });

  it('may be asynchronous', async () => {
    const schema = valibot.pipeAsync(
      valibot.object({ n: valibot.any() }),
      valibot.checkAsync(async ({ n }) => n !== -3, 'is no sample'),
    );
    const { dataset } = await openDataset(lines, { schema });
    expect(await dataset.get(0, context)).toEqual({ n: 1 });
    await expect(dataset.get(2, context)).rejects.toThrow(/schema: is no sample/);
  });

  it('runs in workers if it is named by its module, and says so if not', async () => {
    const good = join(folder, 'good.jsonl');
    writeFileSync(good, '{"n":1}\n{"n":2}\n');
    const named = { schema: workerFunction(module, { export: 'schema' }) };
    for (const numWorkers of [0, 1]) {
      const { dataset } = await openDataset<{ n: number }>(good, named);
      await using loader = new DataLoader(dataset, { batchSize: 2, numWorkers });
      for await (const batch of loader) expect(Array.from(batch.n.data)).toEqual([2, 4]);
    }
    const { dataset } = await openDataset(good, { schema: byLibrary });
    const loader = new DataLoader(dataset, { batchSize: 2, numWorkers: 1 });
    const failure = (async () => {
      for await (const _ of loader);
    })();
    await expect(failure).rejects.toThrow(WorkerTransferError);
    await expect(failure).rejects.toThrow(
      /schema cannot be moved.*workerFunction\(new URL\('\.\/schema\.js'/,
    );
    await loader.close();
    const bad = await openDataset(lines, named);
    await using failing = new DataLoader(bad.dataset, { batchSize: 3, numWorkers: 1 });
    await expect(failing[Symbol.asyncIterator]().next()).rejects.toThrow(/n: must be 0 or more.*row 1/);
  });

  it('is part of the fingerprint by its module or library', async () => {
    const prints = await Promise.all(
      [{}, { schema: byLibrary }, { schema: workerFunction(module, { export: 'schema' }) }].map(
        async (options) => (await openDataset(lines, options)).dataset.fingerprint!(),
      ),
    );
    expect(new Set(prints).size).toBe(3);
  });

  it('must be one', async () => {
    for (const schema of [{}, { '~standard': { version: 2, validate() {} } }, () => true])
      await expect(openDataset(lines, { schema: schema as never })).rejects.toThrow(ConfigError);
    const { dataset } = await openDataset(lines, { schema: workerFunction(module, { export: 'none' }) });
    await expect(dataset.get(0, context)).rejects.toThrow(/no export named none/);
  });
});
