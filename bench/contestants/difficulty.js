// node difficulty.js <samples> <threads> <layout> [metric]: analyzes plain numbers into files, with 512 MB of memory.
// The metric is a module: number-metric costs next to nothing, costly-metric about as much as a short text.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workerDataset, workerFunction } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import { print } from './report.js';

const [samples, numWorkers, layout, metric = 'number-metric'] = process.argv.slice(2);
const outputDir = mkdtempSync(join(process.env.MILLRACE_BENCH_DIR ?? tmpdir(), 'millrace-w7-'));
const here = (file) => new URL(file, import.meta.url);
const before = process.cpuUsage();
const started = performance.now();
try {
  await analyzeDifficulty(workerDataset(here('./numbers.js'), { options: { length: Number(samples) } }), {
    metrics: [workerFunction(here(`./${metric}.js`))],
    numWorkers: Number(numWorkers),
    memoryBytes: 512e6,
    outputDir,
    layout,
  });
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(before);
  print(Number(samples), seconds, (user + system) / 1e6);
} finally {
  rmSync(outputDir, { recursive: true });
}
