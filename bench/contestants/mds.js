// node mds.js <endpoint> <samples> fetch | <workers> <shuffle>: reads MDS shards in a bucket once, into an empty cache, or fetches them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataLoader } from 'millrace';
import { MdsDataset } from 'millrace/formats';
import { print } from './report.js';

const [endpoint, samples, workers, shuffle] = process.argv.slice(2);
Object.assign(process.env, {
  AWS_ENDPOINT_URL: endpoint,
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
});

async function fetchAll() {
  const url = `${endpoint}/bench/folder`;
  const { shards } = await (await fetch(`${url}/index.json`)).json();
  const rest = [...shards];
  const one = async () => {
    for (let next = rest.pop(); next; next = rest.pop())
      await (await fetch(`${url}/${next.raw_data.basename}`)).arrayBuffer();
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

async function readAll(folder) {
  const dataset = await MdsDataset.open('s3://bench/folder', { cache: { folder } });
  const loader = new DataLoader(dataset, {
    batchSize: 32,
    shuffle: shuffle === 'true' ? true : shuffle,
    numWorkers: Number(workers),
  });
  let seen = 0;
  for await (const { id } of loader) seen += id.shape[0];
  await loader.close();
  if (seen !== Number(samples)) throw new Error(`${seen} samples`);
}

const folder = mkdtempSync(join(tmpdir(), 'millrace-mds-'));
const before = process.cpuUsage();
const started = performance.now();
await (workers === 'fetch' ? fetchAll() : readAll(folder));
const { user, system } = process.cpuUsage(before);
print(Number(samples), (performance.now() - started) / 1_000, (user + system) / 1e6);
rmSync(folder, { recursive: true, force: true });
