// node rows.js <reader> <file> [workers]: reads all rows of a file once, in order.
import { readFileSync } from 'node:fs';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { DataLoader } from 'millrace';
import { JsonlDataset, ParquetDataset } from 'millrace/formats';
import { print } from './report.js';

const [reader, file, workers] = process.argv.slice(2);

/** The parser alone. */
const bare = {
  jsonl() {
    const text = readFileSync(file, 'utf8');
    let rows = 0;
    for (let at = 0; at < text.length; rows++) {
      const end = text.indexOf('\n', at);
      JSON.parse(text.slice(at, end));
      at = end + 1;
    }
    return rows;
  },
  async parquet() {
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file), compressors });
    return rows.length;
  },
};

async function ours(open) {
  const dataset = await open(file);
  const options = workers ? { numWorkers: Number(workers) } : {};
  const loader = new DataLoader(dataset, { batchSize: 256, collate: (samples) => samples, ...options });
  let rows = 0;
  for await (const batch of loader) rows += batch.length;
  await loader.close();
  return rows;
}

const readers = {
  'bare-jsonl': bare.jsonl,
  'bare-parquet': bare.parquet,
  jsonl: () => ours(JsonlDataset.open),
  parquet: () => ours(ParquetDataset.open),
};
// The first read warms up the compiler and the line index, which is kept; the second is timed.
await readers[reader]();
const before = process.cpuUsage();
const started = performance.now();
const rows = await readers[reader]();
const { user, system } = process.cpuUsage(before);
print(rows, (performance.now() - started) / 1_000, (user + system) / 1e6);
