// node text-windows.js <train|digest> <folder> <tokenizer folder> <workers>: texts of Parquet files → tokens → windows of 1,024
// tokens, batch 16, with default options. `digest` prints the sum and the number of tokens of all windows in the order of the files.
import { DataLoader, MapDataset, workerFunction } from 'millrace';
import { ParquetDataset } from 'millrace/formats';
import { TokenWindowStream, tokenize } from 'millrace/tokens';
import { print } from './report.js';

const [what, folder, tokenizerFolder, workers] = process.argv.slice(2);
process.env.MILLRACE_BENCH_TOKENIZER = tokenizerFolder;

const started = performance.now();
const before = process.cpuUsage();
const tokenizer = workerFunction(new URL('./model-tokenizer.js', import.meta.url));
const texts = await ParquetDataset.open(`${folder}/*.parquet`);
const documents = new MapDataset(texts, tokenize({ tokenizer, appendEndOfText: true }));

if (what === 'digest') {
  const windows = new TokenWindowStream(documents, { length: 1_024, shuffle: false, numShards: 1 });
  let [count, sum] = [0, 0];
  for await (const { x } of new DataLoader(windows, { batchSize: 16, dropLast: true })) {
    count += x.data.length;
    for (let k = 0; k < x.data.length; k++) sum = (Math.imul(sum, 31) + x.data[k]) >>> 0;
  }
  console.log(JSON.stringify({ count, sum }));
} else {
  const windows = new TokenWindowStream(documents, { length: 1_024 });
  const loader = new DataLoader(windows, { batchSize: 16, numWorkers: Number(workers) });
  let amount = 0;
  for await (const { x } of loader) amount += x.shape[0];
  await loader.close();
  const { user, system } = process.cpuUsage(before);
  print(amount, (performance.now() - started) / 1_000, (user + system) / 1e6);
}
