// node windows.js <prefix> <dtype> <workers> <owned|lent> <seconds>: random token windows through Millrace.
import { DataLoader } from 'millrace';
import { IndexedDataset } from 'millrace/formats';
import { TokenWindows } from 'millrace/tokens';
import { measureFor } from './report.js';

const [prefix, dtype, workers, memory, seconds] = process.argv.slice(2);
const source = await IndexedDataset.open(prefix);
const dataset = new TokenWindows(source, { length: 2_048, dtype });
const loader = new DataLoader(dataset, {
  batchSize: 32,
  shuffle: true,
  numWorkers: Number(workers),
  reuseBuffers: memory === 'lent',
});
await measureFor(Number(seconds), loader, ({ x }) => x.data.length, 2);
await loader.close();
