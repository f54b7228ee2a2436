// node event-loop.js <batch size> <workers> <seconds>: how long a loader at full speed blocks the event loop, and
// what a batch costs the main thread. Prints the 99th percentile of the delay in milliseconds as `seconds`, and the
// main thread's active microseconds per batch as `cpuSeconds`.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ArrayDataset, DataLoader } from 'millrace';

const [batchSize, workers, seconds] = process.argv.slice(2).map(Number);
const dataset = new ArrayDataset(Array.from({ length: 1_000_000 }, (_, i) => i));
const loader = new DataLoader(dataset, { batchSize, numWorkers: workers });
const resolution = 1;
const delays = monitorEventLoopDelay({ resolution });
let batches = 0;
let started = performance.now();
let before;
for (let done = false; !done; ) {
  for await (const _ of loader) {
    const now = performance.now();
    if (before !== undefined) {
      batches += 1;
      done = now - started > seconds * 1_000;
      if (done) break;
    } else if (now - started >= 1_000) {
      started = now;
      before = performance.eventLoopUtilization();
      delays.enable();
    }
  }
}
delays.disable();
const { active } = performance.eventLoopUtilization(before);
await loader.close();
// The histogram measures from timer to timer, so subtract its resolution. The single worst delay in a thousand is the
// machine's.
const delayMs = Math.max(0, delays.percentile(99) / 1e6 - resolution);
const peakMiB = process.resourceUsage().maxRSS / 1_024;
console.log(
  JSON.stringify({ amount: 1, seconds: delayMs / 1_000, cpuSeconds: (active / batches) * 1_000, peakMiB }),
);
