// node overhead.js <batch size> <workers> <seconds>: an empty pipeline through Millrace. Samples are one number.
import { ArrayDataset, DataLoader } from 'millrace';
import { measureFor } from './report.js';

const [batchSize, workers, seconds] = process.argv.slice(2).map(Number);
const dataset = new ArrayDataset(Array.from({ length: 1_000_000 }, (_, i) => i));
const loader = new DataLoader(dataset, { batchSize, numWorkers: workers });
await measureFor(seconds, loader, () => 1, 1);
await loader.close();
