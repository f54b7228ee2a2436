import { copyFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DataLoader, type Dataset, type SampleContext } from 'millrace';
import { ConfigError, FormatError, MissingPeerError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import { describe, expect, it } from 'vitest';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tables/${name}`, import.meta.url));
const context = {} as SampleContext;

async function rowsOf(dataset: Dataset<unknown>): Promise<unknown[]> {
  return Promise.all(Array.from({ length: dataset.length }, (_, index) => dataset.get(index, context)));
}

/** What is used of `@duckdb/node-api`, which may not be installed. */
interface DuckDb {
  readonly DuckDBInstance: {
    create(path: string): Promise<{
      connect(): Promise<{ run(sql: string): Promise<void>; closeSync(): void }>;
      closeSync(): void;
    }>;
  };
}

/** A package, if it is installed. */
function peer(name: string): Promise<unknown> {
  return import(/* @vite-ignore */ name).catch(() => undefined);
}

const duckDb = (await peer('@duckdb/node-api')) as DuckDb | undefined;
const hasSqlite =
  process.getBuiltinModule?.('node:sqlite' as 'node:fs') !== undefined ||
  (await peer('better-sqlite3')) !== undefined;

const folder = mkdtempSync(join(tmpdir(), 'databases-'));

/** A DuckDB database with the rows of `data.sqlite`; without the package, the first bytes of one. */
async function duckDbFile(): Promise<string> {
  const file = join(folder, 'data.duckdb');
  if (!duckDb) writeFileSync(file, `12345678DUCK${' '.repeat(500)}`);
  else {
    const instance = await duckDb.DuckDBInstance.create(file);
    const connection = await instance.connect();
    for (const sql of [
      'CREATE TABLE samples (id INTEGER, score DOUBLE, text VARCHAR, bytes BLOB)',
      "INSERT INTO samples SELECT k, CASE k % 7 WHEN 3 THEN NULL ELSE k / 4 END, 'text ' || k, " +
        "CASE k WHEN 1 THEN '\\x01\\x02'::BLOB END FROM range(600) AS rows(k) ORDER BY k",
      'DELETE FROM samples WHERE id BETWEEN 100 AND 399',
      'CREATE TABLE "other ""one""" (big BIGINT)',
      'INSERT INTO "other ""one""" VALUES (9007199254740993)',
    ])
      await connection.run(sql);
    connection.closeSync();
    instance.closeSync();
  }
  return file;
}

const ids = Array.from({ length: 600 }, (_, id) => id).filter((id) => id < 100 || id > 399);

for (const name of ['sqlite', 'duckdb'] as const) {
  const file = name === 'sqlite' ? fixture('data.sqlite') : await duckDbFile();
  if (!(name === 'sqlite' ? hasSqlite : duckDb)) {
    describe(`a ${name} database, whose package is not installed`, () => {
      it('is an error that names the package, before anything is read', async () => {
        await expect(openDataset(file, { table: 'samples' })).rejects.toThrow(MissingPeerError);
        await expect(openDataset(file)).rejects.toThrow(
          name === 'sqlite' ? /better-sqlite3/ : /@duckdb\/node-api/,
        );
      });
    });
    continue;
  }

  describe(`a ${name} database`, () => {
    it('has the rows of a table in the order of row ids, at random and in workers', async () => {
      const { dataset, format, columns } = await openDataset(file, { table: 'samples' });
      expect(format).toBe(name);
      expect(columns!.map((column) => column.name)).toEqual(['id', 'score', 'text', 'bytes']);
      expect(dataset.length).toBe(300);
      const rows = await rowsOf(dataset);
      expect(rows.map((row) => (row as { id: number }).id)).toEqual(ids);
      expect(rows[1]).toEqual({ id: 1, score: 0.25, text: 'text 1', bytes: new Uint8Array([1, 2]) });
      expect(await dataset.get(299, context)).toEqual({
        id: 599,
        score: 599 / 4,
        text: 'text 599',
        bytes: null,
      });
      const texts: string[] = [];
      const narrow = await openDataset(file, { table: 'samples', columns: ['text'] });
      await using loader = new DataLoader(narrow.dataset, { batchSize: 50, numWorkers: 2 });
      for await (const batch of loader) texts.push(...(batch as { text: string[] }).text);
      expect(texts).toEqual(ids.map((id) => `text ${id}`));
    });

    it('selects rows as every table does', async () => {
      const { dataset } = await openDataset(file, {
        table: 'samples',
        columns: ['id'],
        where: { score: null, id: { gte: 400 } },
      });
      expect(await rowsOf(dataset)).toEqual(
        ids.filter((id) => id % 7 === 3 && id >= 400).map((id) => ({ id })),
      );
      await expect(openDataset(file, { table: 'samples', where: { idd: 1 } })).rejects.toThrow(
        /Did you mean id/,
      );
    });

    it('has the rows of a query in its order', async () => {
      const query =
        'SELECT text, id * 2 AS twice FROM samples WHERE id < 20 ORDER BY id DESC -- newest first';
      const { dataset } = await openDataset(file, { query });
      expect(await dataset.get(0, context)).toEqual({ text: 'text 19', twice: 38 });
      await using loader = new DataLoader(dataset, { batchSize: 20, numWorkers: 1 });
      for await (const batch of loader)
        expect((batch as { text: string[] }).text).toEqual(
          Array.from({ length: 20 }, (_, k) => `text ${19 - k}`),
        );
      for (const unordered of [
        'SELECT * FROM samples',
        'SELECT * FROM (SELECT * FROM samples ORDER BY id)',
        "SELECT ' order by ' FROM samples -- order by id",
      ])
        await expect(openDataset(file, { query: unordered }), unordered).rejects.toThrow(
          /query: has no ORDER BY/,
        );
    });

    it('keeps whole numbers exact, and quotes names', async () => {
      const { dataset } = await openDataset(file, { table: 'other "one"' });
      expect(await rowsOf(dataset)).toEqual([{ big: 2n ** 53n + 1n }]);
    });

    it('has a fingerprint by content and selection', async () => {
      const copy = join(mkdtempSync(join(tmpdir(), 'database-')), `copy.${name}`);
      copyFileSync(file, copy);
      const query = 'SELECT id FROM samples ORDER BY id';
      const prints = await Promise.all(
        [
          { table: 'samples' },
          { query },
          { query: `${query} DESC` },
          { table: 'samples', columns: ['id'] },
        ].map(async (options) => (await openDataset(file, options)).dataset.fingerprint!()),
      );
      expect(new Set(prints).size).toBe(4);
      const same = await openDataset(copy, { table: 'samples' });
      expect(same.dataset.fingerprint!()).toBe(prints[0]);
      await same.dataset.close?.();
    });

    it('names the tables if it is not clear which, and says what is wrong with a query or file', async () => {
      await expect(openDataset(file)).rejects.toThrow(ConfigError);
      await expect(openDataset(file)).rejects.toThrow(
        /table: names no table.*there are other "one", samples/,
      );
      await expect(openDataset(file, { table: 'sample' })).rejects.toThrow(
        /no table sample;.*Did you mean samples/,
      );
      await expect(openDataset(file, { query: 'SELECT FROM WHERE ORDER BY 1' })).rejects.toThrow(FormatError);
      await expect(openDataset(file, { query: 'SELECT 1 ORDER BY 1', table: 'samples' })).rejects.toThrow(
        /cannot be given together with table/,
      );
      await expect(openDataset(`https://host/data.${name}`, { format: name })).rejects.toThrow(
        /copy it to a local disk/,
      );
      const damaged = join(mkdtempSync(join(tmpdir(), 'database-')), `damaged.${name}`);
      writeFileSync(damaged, 'no database at all, '.repeat(400));
      await expect(openDataset(damaged)).rejects.toThrow(FormatError);
    });
  });
}
