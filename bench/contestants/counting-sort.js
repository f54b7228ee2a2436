// node counting-sort.js <samples>: the lower bound of the work, without the file format: the values in memory, one
// counting sort, and the order and values written raw.
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { print } from './report.js';

const samples = Number(process.argv[2]);
const folder = mkdtempSync(join(process.env.MILLRACE_BENCH_DIR ?? tmpdir(), 'millrace-w7-'));
const before = process.cpuUsage();
const started = performance.now();
try {
  const values = new Uint16Array(samples);
  const starts = new Uint32Array(2_049);
  for (let i = 0; i < samples; i++) {
    values[i] = (i * 7_919) % 2_048;
    starts[values[i] + 1]++;
  }
  for (let value = 0; value < 2_048; value++) starts[value + 1] += starts[value];
  const order = new Uint32Array(samples);
  for (let i = 0; i < samples; i++) order[starts[values[i]]++] = i;
  const file = openSync(join(folder, 'columns'), 'w');
  for (const column of [order, values]) writeSync(file, column);
  fsyncSync(file);
  closeSync(file);
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(before);
  print(samples, seconds, (user + system) / 1e6);
} finally {
  rmSync(folder, { recursive: true });
}
