import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { fuzzTest } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-fuzz-csv-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

fuzzTest('damaged CSV files give a typed error or values', {
  reader: new URL('readers/csv.js', import.meta.url),
  corpus: [
    write('quoted.csv', 'id,text,flag\n1,"a ""b"", c",true\n2,"two\r\nlines",false\n3,ü,\n'),
    write('semicolons.csv', 'a;b;c\r\n1,5;x;9007199254740993\r\n2,5;y;2\r\n'),
    write('returns.tsv', '\ufeffa\tb\r1\t2\r3\t4\r'),
  ],
});
