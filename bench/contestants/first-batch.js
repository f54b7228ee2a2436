// node first-batch.js <samples>: time from creating a loader with 2 workers to its first batch.
import { DataLoader, TensorDataset, tensor } from 'millrace';
import { print } from './report.js';

const samples = Number(process.argv[2]);
const numbers = new Int32Array(samples).map((_, i) => i);
const dataset = new TensorDataset(tensor(numbers, [samples, 1]));
const before = process.cpuUsage();
const started = performance.now();
const loader = new DataLoader(dataset, { batchSize: 32, shuffle: true, numWorkers: 2 });
for await (const _ of loader) break;
const seconds = (performance.now() - started) / 1_000;
const { user, system } = process.cpuUsage(before);
await loader.close();
print(1, seconds, (user + system) / 1e6);
