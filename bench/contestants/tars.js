// node tars.js <folder> <epochs> <workers>: JPEGs of tar shards → training crops, batch 32, with default options.
import { DataLoader } from 'millrace';
import { WebDataset } from 'millrace/formats';
import { normalize, randomHorizontalFlip, randomResizedCrop } from 'millrace/images';
import { print } from './report.js';

const [folder, epochs, workers] = process.argv.slice(2);

const started = performance.now();
const before = process.cpuUsage();
const transforms = [randomResizedCrop(224), randomHorizontalFlip(), normalize()];
const dataset = await WebDataset.open(`${folder}/*.tar`, { transforms });
const loader = new DataLoader(dataset, { batchSize: 32, shuffle: true, numWorkers: Number(workers) });
let amount = 0;
for (let epoch = 0; epoch < Number(epochs); epoch++)
  for await (const { jpg, cls } of loader) {
    if (jpg.data.length !== 3 * 224 * 224 * cls.data.length) throw new Error(`Shape ${jpg.shape}`);
    amount += cls.data.length;
  }
await loader.close();
const { user, system } = process.cpuUsage(before);
print(amount, (performance.now() - started) / 1_000, (user + system) / 1e6);
