import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import { fuzzTest } from './harness.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-difficulty-'));
const samples = Array.from({ length: 200 }, (_, k) => new Int32Array((k * 37) % 23));
const metrics = ['seqlen'] as const;
await analyzeDifficulty(new ArrayDataset(samples), { metrics, outputDir: folder, numWorkers: 0 });

fuzzTest('every change of a .difficulty file is noticed', {
  reader: new URL('readers/difficulty.js', import.meta.url),
  corpus: [join(folder, 'seqlen/seqlen.difficulty')],
  protects: () => true,
});
