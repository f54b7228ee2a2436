// node dashboard-cost.js <empty|tokens|texts> <workers> <slices>: one loader at full speed, with the live page's listener and without by
// turns, a slice of a second each: what else the machine does hits both alike. Prints batches a second of processor time, of all threads of
// the process together, the page's own included; slice by slice.
import { spawn } from 'node:child_process';
import { ArrayDataset, DataLoader, TokenWindows } from 'millrace';
import { showOnPage } from '../../dist/monitor/dashboard/dashboard.js';

const sliceMs = 1_000;
const warmUp = 2;
const [workload, workers, slices] = [process.argv[2], ...process.argv.slice(3).map(Number)];

const datasets = {
  empty: () => new ArrayDataset(Array.from({ length: 1_000_000 }, (_, i) => i)),
  tokens: () =>
    new TokenWindows(
      { dtype: 'uint16', shape: [20_000_000], data: Uint16Array.from({ length: 20_000_000 }, (_, i) => i) },
      { length: 2_048, stride: 512 },
    ),
  texts: () =>
    new ArrayDataset(
      Array.from({ length: 20_000 }, (_, i) => ({
        text: `a line of text, number ${i}`.repeat(8),
        label: i % 10,
      })),
    ),
};
// A transform a sample: its stages are measured, too.
const transform =
  workload === 'texts' ? (sample) => ({ ...sample, text: sample.text.toUpperCase() }) : undefined;
const loader = new DataLoader(datasets[workload](), {
  batchSize: 32,
  shuffle: true,
  numWorkers: workers,
  ...(transform && { transform }),
});

let listener;
const gate = {
  observe: (listen) => {
    listener = listen;
  },
};
const url = await new Promise((resolve) => {
  void showOnPage(gate, { port: 0, host: '127.0.0.1', onOpen: resolve });
});
// Somebody looks: spans and batches are sent along.
const watcher = spawn(process.execPath, [
  '-e',
  `require('http').get('${url}events', (page) => page.resume())`,
]);

const rates = { without: [], with: [] };
let leave;
let slice = 0;
let batches = 0;
let started = performance.now();
let before = process.cpuUsage();
const turn = () => {
  const now = performance.now();
  if (now - started < sliceMs) return false;
  // The first ones are for the compiler.
  const { user, system } = process.cpuUsage(before);
  if (slice >= warmUp) rates[leave ? 'with' : 'without'].push((batches * 1e6) / (user + system));
  slice += 1;
  if (leave) {
    leave();
    leave = undefined;
  } else leave = loader.observe(listener);
  batches = 0;
  started = performance.now();
  before = process.cpuUsage();
  return slice >= slices + warmUp;
};
run: for (;;) {
  for await (const _ of loader) {
    batches += 1;
    if (turn()) break run;
  }
}
await loader.close();
console.log(JSON.stringify(rates));
watcher.kill();
process.exit();
