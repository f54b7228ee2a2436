// Names in data are data: whatever a column, field or file is called, a sample has it as a field of its own.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import type { Dataset } from 'millrace';
import { CsvDataset, JsonlDataset, MdsDataset, ParquetDataset, WebDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { Header } from 'tar';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'millrace-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const names = ['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'prototype', 'length'];
const value = 'a value of data';

function tar(files: Readonly<Record<string, string>> | readonly (readonly [string, string])[]): Buffer {
  const entries = Array.isArray(files) ? files : Object.entries(files);
  const blocks = (entries as [string, string][]).flatMap(([path, text]) => {
    const header = new Header({ path, mode: 0o644, size: text.length, mtime: new Date(0), type: 'File' });
    header.encode();
    return [header.block!, Buffer.from(text.padEnd(512, '\0'))];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** A shard of one sample with one column, as MDSWriter lays it out. */
function writeMds(name: string): string {
  const text = Buffer.from(value);
  const sample = Buffer.alloc(4 + text.length);
  sample.writeUInt32LE(text.length);
  text.copy(sample, 4);
  const head = Buffer.alloc(12);
  head.writeUInt32LE(1, 0);
  head.writeUInt32LE(12, 4);
  head.writeUInt32LE(12 + sample.length, 8);
  const bytes = Buffer.concat([head, sample]);
  const shard = {
    column_encodings: ['str'],
    column_names: [name],
    column_sizes: [null],
    compression: null,
    format: 'mds',
    hashes: [],
    raw_data: { basename: 'shard.00000.mds', bytes: bytes.length, hashes: {} },
    samples: 1,
    size_limit: 67_108_864,
    version: 2,
    zip_data: null,
  };
  const mds = mkdtempSync(join(folder, 'mds-'));
  writeFileSync(join(mds, 'shard.00000.mds'), bytes);
  writeFileSync(join(mds, 'index.json'), JSON.stringify({ shards: [shard], version: 2 }));
  return mds;
}

const json = (name: string) => `{${JSON.stringify(name)}: ${JSON.stringify(value)}}`;
const formats: Readonly<Record<string, (name: string) => Promise<Dataset<unknown>>>> = {
  csv: (name) => CsvDataset.open(new MemorySource(Buffer.from(`${name},n\n${value},1\n`), 'x.csv')),
  'csv with a type that is given': (name) =>
    CsvDataset.open(new MemorySource(Buffer.from(`${name},n\n${value},1\n`), 'x.csv'), {
      types: Object.fromEntries([[name, 'string']]),
    }),
  jsonl: (name) => JsonlDataset.open(new MemorySource(Buffer.from(`${json(name)}\n`), 'x.jsonl')),
  'jsonl with a long number': (name) =>
    JsonlDataset.open(
      new MemorySource(Buffer.from(`{"n": 12345678901234567890, ${json(name).slice(1)}\n`), 'x.jsonl'),
    ),
  parquet: (name) =>
    ParquetDataset.open(
      new MemorySource(
        new Uint8Array(parquetWriteBuffer({ columnData: [{ name, data: [value], type: 'STRING' }] })),
        'x.parquet',
      ),
    ),
  mds: async (name) => MdsDataset.open(writeMds(name)),
  'a file of a tar shard': (name) =>
    WebDataset.open(new MemorySource(tar([[`0.${name}`, value]]), 'x.tar'), { decode: true }),
};

describe.each(Object.keys(formats))('%s', (format) => {
  it.each(names)('keeps %s as a field', async (name) => {
    const dataset = await formats[format]!(name);
    const sample = (await dataset.get(0, {} as never)) as Record<string, unknown>;
    // Endings of files are in lower case.
    const field = format.startsWith('a file') ? name.toLowerCase() : name;
    const own = Object.getOwnPropertyDescriptor(sample, field)?.value as string | Uint8Array | undefined;
    expect(typeof own === 'string' ? own : Buffer.from(own!).toString()).toBe(value);
    expect(Object.getPrototypeOf(sample)).toBe(Object.prototype);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

it('json in a tar shard keeps such fields too', async () => {
  const dataset = await WebDataset.open(new MemorySource(tar({ '0.json': json('__proto__') }), 'x.tar'));
  const { json: fields } = (await dataset.get(0)) as unknown as { json: object };
  expect(Object.entries(fields)).toEqual([['__proto__', value]]);
});
