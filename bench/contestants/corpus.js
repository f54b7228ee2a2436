// node corpus.js <work> <file> <threads>: selects the documents of a file, or maps them, once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workerFunction } from 'millrace';
import { selectDataset } from 'millrace/analysis';
import { mapDataset } from 'millrace/convert';
import { print } from './report.js';

const [work, file, threads] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-corpus-run-'));
const output = join(folder, 'out');
const numWorkers = Number(threads);
const before = process.cpuUsage();
const started = performance.now();
const run = {
  async select() {
    const options = { output, dedup: 'near', minHash: { bands: 4, rows: 4 }, numWorkers };
    return (await selectDataset({ files: file }, options)).samples;
  },
  async map() {
    const fn = workerFunction(new URL('./word-count.js', import.meta.url));
    return (await mapDataset(file, fn, { output, partSamples: 10_000, concurrency: 64, numWorkers })).samples;
  },
};
const documents = await run[work]();
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
rmSync(folder, { recursive: true, force: true });
print(documents, seconds, (user + system) / 1e6);
