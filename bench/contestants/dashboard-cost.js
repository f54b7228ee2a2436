// node dashboard-cost.js <windows|tokens|texts|empty> <workers> <pairs> <slice in ms> <pause in ms>: one loader, with
// slices of time with and without the live page's observer in alternation, so that other load on the machine affects
// both alike. With a pause, the consumer takes one batch per pause, else it takes batches as fast as it can. Prints,
// for each slice of each pair, the batches, the processor time of all threads of the process (including the page's),
// and the elapsed time, in ms.
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArrayDataset, DataLoader } from 'millrace';
import { TokenWindows } from 'millrace/tokens';
import { showOnPage } from '../../dist/monitor/dashboard/dashboard.js';

/** Warm-up pairs for the JIT compiler. */
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
// A per-sample transform, so that stages are measured too.
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
// An open page: spans and batches are sent to it.
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
  // Alternate the order within pairs, so that a machine that slows down affects both sides alike.
  for (const observed of k % 2 === 0 ? [false, true] : [true, false])
    pair[observed ? 'with' : 'without'] = await slice(observed);
  if (k >= 0) measured.push(pair);
}
if (!seen) throw new Error('The page received no batch, so nothing was measured');
console.log(JSON.stringify(measured));
watcher.kill();
process.exit();
