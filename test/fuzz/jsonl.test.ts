import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { fuzzTest } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-fuzz-jsonl-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

fuzzTest('damaged JSON Lines give a typed error or values', {
  reader: new URL('readers/jsonl.js', import.meta.url),
  corpus: [
    write('rows.jsonl', '{"a": 1, "text": "ü \\"x\\""}\n\n{"a": [1.5e3, null, true]}\r\n{"__proto__": {}}\n'),
    write('numbers.jsonl', '[NaN, -Infinity, 12345678901234567890, 0.1]\n{"id": 9007199254740993}\n'),
  ],
});
