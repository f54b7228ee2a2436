// Data in a browser: byte ranges over HTTP, picked files, and the origin private file system. The samples are those
// that Node.js reads from the same files.
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { CsvDataset } from 'millrace/formats';
import { MemorySource } from 'millrace/storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isLong } from '../setup/search-size.js';
import { bundle, executablePath, type Files, TestPage } from './browser-page.js';
import { formats } from './formats.js';
import { readSamples } from './read-samples.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Contents of a fixture; `table.csv.gz` is compressed from `table.csv`. */
function contentOf(name: string): Buffer {
  const read = (file: string) => readFileSync(path(`../fixtures/formats/${file}`));
  return name === 'table.csv.gz' ? gzipSync(read('table.csv')) : read(name);
}

/** Serves byte ranges of files, as web servers do. */
function serveRanges(request: IncomingMessage, response: ServerResponse): void {
  const bytes = contentOf(request.url!.slice('/ranges/'.length));
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
  response.setHeader('etag', `"${bytes.length}"`);
  if (from === undefined) response.end(bytes);
  else {
    const part = bytes.subarray(Number(from), Number(to) + 1);
    const place = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`;
    response.writeHead(206, { 'content-range': place }).end(part);
  }
}

let files: Files;
beforeAll(async () => {
  files = await bundle({ page: path('page.js') });
});

describe.skipIf(!executablePath).each([
  ['cross-origin isolated', true],
  ['not isolated', false],
])('data in a page, %s', (_, isolated) => {
  let test: TestPage;
  beforeAll(async () => {
    test = await TestPage.open({ files, script: '/page.js', isolated, onRequest: serveRanges });
  });
  afterAll(() => test.close());

  // Nested Arrow values are views that cannot cross threads, in Node.js either.
  it.each([
    ['ArrowDataset', 'table.arrow', 'none', isolated],
    ['CsvDataset', 'table.csv', 'url', true],
    ['CsvDataset', 'table.csv.gz', 'file', false],
    ['JsonlDataset', 'rows.jsonl.zst', 'private', true],
    ['NpyDataset', 'float32.npy', 'url', false],
    ['ParquetDataset', 'table-snappy.parquet', 'file', true],
    ['SafetensorsDataset', 'arrays.safetensors', 'private', false],
    ['TextDataset', 'table.csv', 'url', true],
  ] as const)(
    '%s reads %s as in Node.js: by URL, from a picked file, from private files',
    async (format, name, withWorkers, inIsolation) => {
      const expected = await readSamples(
        await formats[format].open(new MemorySource(contentOf(name), name)),
        0,
      );
      expect(expected.length).toBeGreaterThan(1);
      for (const place of ['url', 'file', 'private'] as const) {
        expect(await test.call('read', format, name, place, 0), place).toEqual(expected);
        // Starting workers takes most of the time, so in a short run each format has them for one place and kind of page.
        if (withWorkers === 'none') continue;
        if (!isLong && (place !== withWorkers || isolated !== inIsolation)) continue;
        expect(await test.call('read', format, name, place, 2), `${place}, 2 workers`).toEqual(expected);
      }
    },
  );

  it('reads a file that the user picks', async () => {
    await test.call('picked');
    await test.page.setInputFiles('input', path('../fixtures/formats/table.csv'));
    const rows = (await CsvDataset.open(path('../fixtures/formats/table.csv'))).length;
    expect(await test.call('picked')).toBe(rows);
  });

  it('reports what a browser cannot do, with alternatives', async () => {
    const failures = await test.call<Record<string, { name: string; message: string }>>('failures');
    expect(failures.path).toMatchObject({ name: 'CapabilityError' });
    expect(failures.path!.message).toContain('In a browser, open data by URL');
    for (const needsNode of ['imageFolder', 'indexed', 'mds', 'npz', 'webDataset', 'anyFormat'])
      expect(failures[needsNode], needsNode).toMatchObject({ name: 'CapabilityError' });
    expect(failures.cache).toMatchObject({ name: 'CapabilityError' });
    expect(failures.noPrivateFile).toMatchObject({ name: 'StorageError' });
    expect(failures.damaged).toMatchObject({ name: 'FormatError' });
    expect(failures.severalParts).toMatchObject({ name: 'FormatError' });
    expect(failures.beyond).toMatchObject({ name: 'TruncatedFileError' });
    expect(test.problems).toEqual([]);
  });
});
