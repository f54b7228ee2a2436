import { readFileSync } from 'node:fs';
import { fuzzTest } from './harness.js';

const corpus = new URL('../fixtures/formats/corpus/', import.meta.url);
/** Where the pages are that have a checksum. */
const checked = JSON.parse(readFileSync(new URL('checked-pages.json', corpus), 'utf8')) as Readonly<
  Record<string, readonly (readonly [start: number, end: number])[]>
>;

fuzzTest('damaged Parquet files give a typed error or values, the same where a page has a checksum', {
  reader: new URL('readers/parquet.js', import.meta.url),
  corpus: [
    'v1-crc.parquet',
    'v1-dictionary-crc.parquet',
    'v2-crc.parquet',
    'v2-gzip-index.parquet',
    'v1-brotli.parquet',
    'v1-lz4.parquet',
    'encodings.parquet',
  ].map((name) => new URL(name, corpus)),
  protects: (file, offset) => checked[file]?.some(([start, end]) => offset >= start && offset < end) ?? false,
});
