// What a loader costs when there is nothing to load (W4): samples are one number, so all time is overhead. Batches of 32
// are the usual small size; batches of 1 show the cost of a batch alone.
import { ArrayDataset, DataLoader } from 'millrace';
import { compare, printSurroundings, python } from './measure.js';

const samples = 64_000;
const items = Array.from({ length: samples }, (_, i) => i);
const dataset = new ArrayDataset(items);

export default async function run(): Promise<void> {
  printSurroundings();
  for (const batchSize of [1, 32]) {
    for (const numWorkers of [0, 2]) {
      const peer = python('loader_overhead.py', String(batchSize), String(numWorkers));
      const loader = new DataLoader(dataset, { batchSize, numWorkers });
      await drain(loader);
      const contestants = [
        { name: 'Millrace', run: () => drain(loader) },
        ...(peer ? [{ name: 'PyTorch DataLoader', run: peer }] : []),
        { name: 'limit: a loop that fills a Float32Array', run: () => bareLoop(batchSize) },
      ];
      await compare(`batch size ${batchSize}, ${numWorkers} workers`, 'batches/s', contestants);
      await loader.close();
      if (!peer) console.log('  (PyTorch was not found: set MILLRACE_PYTHON to a python that has torch)');
    }
  }
}

async function drain(loader: DataLoader<number>): Promise<number> {
  const limitMs = 1_000;
  let batches = 0;
  const started = performance.now();
  for await (const _ of loader) {
    batches += 1;
    if (performance.now() - started > limitMs) break;
  }
  return (batches * 1_000) / (performance.now() - started);
}

function bareLoop(batchSize: number): number {
  const started = performance.now();
  const kept: Float32Array[] = [];
  for (let start = 0; start < samples; start += batchSize) {
    const batch = new Float32Array(batchSize);
    for (let i = 0; i < batchSize; i++) batch[i] = items[start + i]!;
    kept.push(batch);
  }
  return (kept.length * 1_000) / (performance.now() - started);
}
