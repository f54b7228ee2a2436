// node opening.js <what> <endpoint> <format> <count>: opens shards in a bucket and counts their rows, or reads a first batch.
import { DataLoader } from 'millrace';
import { JsonlDataset, openDataset, ParquetDataset } from 'millrace/formats';
import { print } from './report.js';

const [what, endpoint, format, count] = process.argv.slice(2);
Object.assign(process.env, {
  AWS_ENDPOINT_URL: endpoint,
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
});
const shards = `s3://bench/${format}/${count}/`;

async function firstBatch(dataset, numWorkers) {
  const loader = new DataLoader(dataset, { batchSize: 10, numWorkers });
  try {
    for await (const batch of loader) return batch;
    throw new Error('no batch');
  } finally {
    await loader.close();
  }
}

const contestants = {
  async length() {
    const { dataset } = await openDataset(shards);
    if (dataset.length !== 10 * count) throw new Error(`${dataset.length} rows`);
  },
  async stream() {
    await firstBatch(await { jsonl: JsonlDataset, parquet: ParquetDataset }[format].stream(shards), 0);
  },
  async workers() {
    const { dataset } = await openDataset(shards);
    await firstBatch(dataset, 2);
  },
};
const before = process.cpuUsage();
const started = performance.now();
await contestants[what]();
const { user, system } = process.cpuUsage(before);
print(1, (performance.now() - started) / 1_000, (user + system) / 1e6);
