import { cpSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fuzzTest } from './harness.js';

const golden = fileURLToPath(new URL('../golden/indexed/', import.meta.url));

fuzzTest('damaged .bin/.idx pairs give a typed error or values', {
  reader: new URL('readers/indexed.js', import.meta.url),
  corpus: ['rows_int32', 'rows_uint16', 'wide_int64', 'legacy_int32', 'merged_int16'].map(pairFolder),
});

/** A folder of its own for a pair of files. */
function pairFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-pair-'));
  for (const ending of ['.bin', '.idx']) cpSync(join(golden, name + ending), join(folder, name + ending));
  return folder;
}
