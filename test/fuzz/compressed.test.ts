import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fuzzTest } from './harness.js';

const reader = new URL('readers/compressed-lines.js', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'millrace-compressed-'));
const lines = (from: number) =>
  Array.from(
    { length: 60 },
    (_, k) => `${JSON.stringify({ id: from + k, text: 'some text '.repeat(k % 7) })}\n`,
  ).join('');
// Two members: what follows the first must not be lost.
const twoMembers = join(folder, 'two-members.jsonl.gz');
const firstMember = gzipSync(lines(0));
writeFileSync(twoMembers, Buffer.concat([firstMember, gzipSync(lines(60))]));

fuzzTest('damaged gzip files give a typed error or the same lines', {
  reader,
  corpus: [twoMembers],
  // Time, system and the like in the first ten bytes of a member are not part of the content. Where the second member became zeros, or
  // is not there, nothing tells that there was one.
  protects: (_file, offset) => offset > 10 && offset !== firstMember.length,
});

// Its frames have checksums: `zstd` writes them by default.
fuzzTest('damaged zstd files give a typed error or the same lines', {
  reader,
  corpus: [new URL('../fixtures/formats/checked.jsonl.zst', import.meta.url)],
  protects: () => true,
});
