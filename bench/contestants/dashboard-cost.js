// node dashboard-cost.js <windows|tokens|texts|empty> <workers> <pairs> <slice in ms> <pause in ms>: one loader, a slice of time with the live
// page's listener and one without, by turns: what else the machine does hits neighbors alike. With a pause the consumer takes a batch every
// so many milliseconds, else all that come. Prints what each slice of each pair came to: batches, processor time of all threads of the process,
// the page's own included, and time, in ms.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArrayDataset, DataLoader } from 'millrace';
import { TokenWindows } from 'millrace/tokens';
import { showOnPage } from '../../dist/monitor/dashboard/dashboard.js';

/** Pairs that are for the compiler. */
const warmUp = 5;
const [workload, workers, pairs, sliceMs, pauseMs] = [process.argv[2], ...process.argv.slice(3).map(Number)];

const tokens = Uint16Array.from({ length: 20_000_000 }, (_, i) => i);
const windows = (length) =>
  new TokenWindows({ dtype: 'uint16', shape: [tokens.length], data: tokens }, { length, stride: 1 });
const datasets = {
  empty: () => new ArrayDataset(Array.from({ length: 1_000_000 }, (_, i) => i)),
  windows: () => windows(16),
  tokens: () => windows(2_048),
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
const look = `require('http').get('${url}events', (page) => {
  page.on('data', (piece) => { if (String(piece).includes('event: update')) console.log('seen'); });
});`;
const watcher = spawn(process.execPath, ['-e', look], { stdio: ['ignore', 'pipe', 'inherit'] });
let seen = false;
watcher.stdout.once('data', () => {
  seen = true;
  watcher.stdout.pause();
});

let pass = loader[Symbol.asyncIterator]();
async function slice(observed) {
  const leave = observed ? loader.observe(listener) : undefined;
  const before = process.cpuUsage();
  const started = performance.now();
  let batches = 0;
  let ms = 0;
  while (ms < sliceMs) {
    if (pauseMs > 0) await sleep(pauseMs);
    if ((await pass.next()).done) pass = loader[Symbol.asyncIterator]();
    else batches += 1;
    ms = performance.now() - started;
  }
  const { user, system } = process.cpuUsage(before);
  leave?.();
  return { batches, cpuMs: (user + system) / 1_000, ms };
}

const measured = [];
for (let k = -warmUp; k < pairs; k++) {
  const pair = {};
  // The first of a pair is the second of the next: a machine that slows down slows both.
  for (const observed of k % 2 === 0 ? [false, true] : [true, false])
    pair[observed ? 'with' : 'without'] = await slice(observed);
  if (k >= 0) measured.push(pair);
}
if (!seen) throw new Error('The page was told of no batch: nothing was measured');
console.log(JSON.stringify(measured));
watcher.kill();
process.exit();
