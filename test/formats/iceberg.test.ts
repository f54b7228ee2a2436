import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { DataLoader, type Dataset, type SampleContext } from 'millrace';
import { ConfigError, FormatError, TruncatedFileError } from 'millrace/errors';
import { openDataset } from 'millrace/formats';
import { afterAll, describe, expect, it } from 'vitest';

const fixtures = fileURLToPath(new URL('../fixtures/tables/', import.meta.url));
const events = join(fixtures, 'iceberg/events');
const hive = join(fixtures, 'iceberg/hive');
const golden = JSON.parse(readFileSync(join(fixtures, 'iceberg-rows.json'), 'utf8')) as Record<
  string,
  unknown[]
>;
const context = {} as SampleContext;
const idOf = (snapshot: number) => 3_051_729_675_574_597_000n + BigInt(snapshot);

async function rowsOf(dataset: Dataset<unknown>): Promise<unknown[]> {
  return Promise.all(Array.from({ length: dataset.length }, (_, index) => dataset.get(index, context)));
}

/** Values as the golden rows have them. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return { bigint: String(value) };
  if (value instanceof Date) return value.toISOString().replace('T00:00:00.000Z', '');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

const copies: string[] = [];
afterAll(() => {
  for (const copy of copies) rmSync(copy, { recursive: true });
});

/** A copy of the table, which is changed. */
function changed(change: (metadata: string) => void, table = events): string {
  const root = mkdtempSync(join(tmpdir(), 'iceberg-'));
  copies.push(root);
  cpSync(table, root, { recursive: true });
  change(join(root, 'metadata'));
  return root;
}

/** Changes the metadata of the newest snapshot. */
function withMetadata(change: (metadata: string) => string): string {
  return changed((folder) => {
    const file = join(folder, 'v4.metadata.json');
    writeFileSync(file, change(readFileSync(file, 'utf8')));
  });
}

describe('an Iceberg table', () => {
  it('has the rows of each snapshot: columns by field id, promoted, without deleted rows', async () => {
    for (const snapshot of [1, 2, 3, 4]) {
      const { dataset, format, columns } = await openDataset(events, { version: idOf(snapshot) });
      const rows = plain(await rowsOf(dataset)) as Record<string, unknown>[];
      expect(rows, `snapshot ${snapshot}`).toEqual(golden[snapshot]);
      expect([format, columns!.map(({ name }) => name)]).toEqual(['iceberg', Object.keys(rows[0]!)]);
    }
    expect(plain(await rowsOf((await openDataset(events)).dataset))).toEqual(golden[4]);
  });

  it('gives a tag the columns of its snapshot, and a branch those of today', async () => {
    expect(plain(await rowsOf((await openDataset(events, { version: 'first' })).dataset))).toEqual(golden[1]);
    const { dataset, columns } = await openDataset(events, {
      version: 'old rows',
      columns: ['body', 'lang'],
    });
    expect(await rowsOf(dataset)).toEqual(['a', null, 'c'].map((body) => ({ body, lang: 'en' })));
    expect(columns!.map(({ name }) => name)).toEqual(['body', 'lang']);
  });

  it('reads files without field ids by the name mapping, and the partition column from the manifest', async () => {
    const { dataset } = await openDataset(hive);
    expect(plain(await rowsOf(dataset))).toEqual(golden.hive);
    const file = '00001-7f3a5a4e-0000-4000-8000-000000000000.metadata.json';
    const unmapped = changed((folder) => {
      const text = readFileSync(join(folder, file), 'utf8');
      writeFileSync(join(folder, file), text.replace('schema.name-mapping.default', 'other'));
    }, hive);
    await expect(openDataset(unmapped)).rejects.toThrow(/no field ids, and the table has no name mapping/);
  });

  it('selects rows and columns, and does not open files that partitions rule out', async () => {
    const partial = changed((folder) => rmSync(join(folder, '../data/day=2024-01-01/a.parquet')));
    const where = { day: { gte: '2024-01-02' }, or: [{ id: { gt: 3 } }, { body: 'c' }] } as const;
    const { dataset } = await openDataset(partial, { version: idOf(2), columns: ['day', 'id'], where });
    const expected = golden[2]!.slice(2).map((row) => {
      const { day, id } = row as Record<string, unknown>;
      return { day, id };
    });
    expect(plain(await rowsOf(dataset))).toEqual(expected);
    await using loader = new DataLoader(dataset, {
      batchSize: 9,
      numWorkers: 1,
      collate: (rows) => rows as never,
    });
    for await (const batch of loader) expect(plain(batch)).toEqual(expected);
    const chosen = async (condition: object) =>
      (await rowsOf((await openDataset(events, { where: condition as never, columns: ['id'] })).dataset))
        .length;
    expect(await chosen({ lang: 'de' })).toBe(0);
    expect(await chosen({ lang: 'en', 'point.east': { gte: 3 } })).toBe(2);
    expect(await chosen({ score: null })).toBe(2);
    await expect(openDataset(events, { where: { text: 'a' } })).rejects.toThrow(
      /no column text; there are score/,
    );
  });

  it('opens a file when its first row is read, in workers too, with the same fingerprint', async () => {
    const { dataset } = await openDataset(events, { version: idOf(2) });
    expect(dataset.shardLengths).toEqual([2, 1, 3]);
    const print = dataset.fingerprint!();
    await using loader = new DataLoader(dataset, {
      batchSize: 4,
      numWorkers: 2,
      collate: (rows) => rows as never,
    });
    const batches: unknown[] = [];
    for await (const batch of loader) batches.push(...(batch as unknown[]));
    expect(plain(batches)).toEqual(golden[2]);
    await rowsOf(dataset);
    const moved = changed(() => {});
    expect([print, (await openDataset(moved, { version: idOf(2) })).dataset.fingerprint!()]).toEqual([
      dataset.fingerprint!(),
      print,
    ]);
    const prints = await Promise.all(
      [1, 2, 3, 4].map(async (k) => (await openDataset(events, { version: idOf(k) })).dataset.fingerprint!()),
    );
    expect(new Set(prints).size).toBe(4);
    const cut = changed((folder) =>
      cpSync(
        join(folder, '../data/day=2024-01-01/a.parquet'),
        join(folder, '../data/day=2024-01-02/b.parquet'),
      ),
    );
    const { dataset: wrong } = await openDataset(cut, { version: idOf(1) });
    await expect(async () => wrong.get(2, context)).rejects.toThrow(FormatError);
  });

  it('finds the newest metadata by the hint, the numbers or the name of the file', async () => {
    const name = (number: number) => `v${number}.metadata.json`;
    const lengthOf = async (root: string) => (await openDataset(root)).dataset.length;
    // The hint says 3, and 4 follows.
    expect(await lengthOf(events)).toBe(3);
    expect(await lengthOf(join(events, 'metadata', name(2)))).toBe(6);
    const gap = (folder: string) => renameSync(join(folder, name(4)), join(folder, name(5)));
    expect(await lengthOf(changed(gap))).toBe(4);
    const withoutHint = (folder: string) => {
      rmSync(join(folder, 'version-hint.text'));
      writeFileSync(join(folder, '00007-a.gz.metadata.json'), gzipSync(readFileSync(join(folder, name(2)))));
    };
    expect(await lengthOf(changed(withoutHint))).toBe(6);
    const twice = changed((folder) => {
      withoutHint(folder);
      cpSync(join(folder, name(1)), join(folder, '00007-b.metadata.json'));
    });
    await expect(openDataset(twice)).rejects.toThrow(/several newest metadata files: .*00007-a.*00007-b/);
  });

  it('has a limit for metadata that is compressed', async () => {
    const packed = changed((folder) => {
      const json = readFileSync(join(folder, 'v4.metadata.json'));
      writeFileSync(join(folder, 'v4.gz.metadata.json'), gzipSync(json));
      rmSync(join(folder, 'v4.metadata.json'));
    });
    const opening = openDataset(join(packed, 'metadata/v4.gz.metadata.json'), {
      maxDecompressedBytes: 1_000,
    });
    await expect(opening).rejects.toThrow(/exceeds 1000 bytes.*maxDecompressedBytes/);
  });

  it('is read from a server, by its metadata file or its hint', async () => {
    const server = createServer((request, response) => {
      if (request.url!.startsWith('/denied')) {
        response.writeHead(403).end();
        return;
      }
      try {
        const bytes = readFileSync(join(fixtures, 'iceberg', decodeURIComponent(request.url!)));
        const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
        const part = from === undefined ? bytes : bytes.subarray(Number(from), Number(to) + 1);
        const range = { 'content-range': `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}` };
        response.writeHead(from === undefined ? 200 : 206, {
          etag: '"1"',
          'accept-ranges': 'bytes',
          'content-length': part.length,
          ...(from !== undefined && range),
        });
        response.end(request.method === 'HEAD' ? undefined : part);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const named = await openDataset(`${url}/events/metadata/v4.metadata.json`, { version: idOf(2) });
      expect(plain(await rowsOf(named.dataset))).toEqual(golden[2]);
      const hinted = await openDataset(`${url}/events`, { format: 'iceberg' });
      expect(plain(await rowsOf(hinted.dataset))).toEqual(golden[3]);
      await expect(openDataset(`${url}/hive`, { format: 'iceberg' })).rejects.toThrow(
        /cannot be listed.*Name the metadata file/,
      );
      // Without the hint, another file may seem to be the newest.
      await expect(openDataset(`${url}/denied`, { format: 'iceberg' })).rejects.toThrow(
        /Access is denied.*version-hint/,
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('names an unknown snapshot, and what it cannot read', async () => {
    for (const version of [7, 7n, 'next'])
      await expect(openDataset(events, { version })).rejects.toThrow(
        /no snapshot, branch or tag (7|next) .*3051729675574597004n.*old rows/,
      );
    await expect(openDataset(events, { version: Number(idOf(1)) })).rejects.toThrow(/snapshot as a bigint/);
    await expect(openDataset(join(fixtures, 'delta'), { version: 'main' })).rejects.toThrow(
      /main is not a version of a Delta table/,
    );
    await expect(openDataset(events, { version: 'by value' })).rejects.toThrow(
      /uses equality deletes by no column, which Millrace does not read .*p-deletes.parquet/,
    );
    await expect(openDataset(events, { version: 'orc' })).rejects.toThrow(
      /has ORC files, which Millrace does not/,
    );
    const failures: [string, RegExp, new (...details: never) => Error][] = [
      [
        withMetadata((text) => text.replace('"format-version": 3', '"format-version": 4')),
        /version 4 of the format/,
        FormatError,
      ],
      [withMetadata((text) => text.slice(0, 500)), /metadata of the Iceberg table is damaged/, FormatError],
      [
        withMetadata((text) => text.replaceAll('"type": "long"', '"type": "interval"')),
        /type interval/,
        FormatError,
      ],
      [
        withMetadata((text) => text.replaceAll(/"current-snapshot-id": \d+/g, '"current-snapshot-id": -1')),
        /no rows/,
        ConfigError,
      ],
      [
        changed((folder) => cutShort(join(folder, 'm2.avro'), 9)),
        /metadata is damaged: it has 1859 bytes/,
        FormatError,
      ],
      [changed((folder) => cutShort(join(folder, 'snap-4.avro'), 9)), /metadata is damaged/, FormatError],
      [changed((folder) => cutShort(join(folder, '../data/v.puffin'), 300)), /cut short/, TruncatedFileError],
      [
        changed((folder) => flip(join(folder, '../data/v.puffin'), 30)),
        /checksum does not match/,
        FormatError,
      ],
      [
        withMetadata((text) =>
          text.replaceAll(/("name": "body",\s*"required": false,\s*"type": )"string"/g, '$1"int"'),
        ),
        /type that does not fit/,
        FormatError,
      ],
    ];
    for (const [root, message, kind] of failures) {
      const failure = openDataset(root);
      await expect(failure, String(message)).rejects.toThrow(message);
      await expect(failure).rejects.toThrow(kind);
    }
  });
});

function cutShort(file: string, bytes: number): void {
  writeFileSync(file, readFileSync(file).subarray(0, -bytes));
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 1;
  writeFileSync(file, bytes);
}
