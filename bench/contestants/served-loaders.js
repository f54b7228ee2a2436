// What serve.bench.ts serves: MILLRACE_BENCH_KIND says what, MILLRACE_BENCH_DATA names the data, MILLRACE_BENCH_WORKERS the threads.
import { DataLoader, MapDataset, workerFunction } from 'millrace';
import { ImageFolder, IndexedDataset, ParquetDataset } from 'millrace/formats';
import { normalize, randomHorizontalFlip, randomResizedCrop } from 'millrace/images';
import { TokenWindowStream, TokenWindows, tokenize } from 'millrace/tokens';

const { MILLRACE_BENCH_KIND: kind, MILLRACE_BENCH_DATA: data, MILLRACE_BENCH_WORKERS: workers } = process.env;
const numWorkers = Number(workers);

async function tokens() {
  const windows = new TokenWindows(await IndexedDataset.open(data), { length: 2_048, dtype: 'int32' });
  return new DataLoader(windows, { batchSize: 32, shuffle: true, numWorkers });
}

async function images() {
  const transforms = [randomResizedCrop(224), randomHorizontalFlip(), normalize()];
  const folder = await ImageFolder.open(data, { transforms });
  return new DataLoader(folder, { batchSize: 64, shuffle: true, numWorkers });
}

async function texts() {
  const tokenizer = workerFunction(new URL('./model-tokenizer.js', import.meta.url));
  const rows = await ParquetDataset.open(`${data}/*.parquet`);
  const documents = new MapDataset(rows, tokenize({ tokenizer, appendEndOfText: true }));
  return new DataLoader(new TokenWindowStream(documents, { length: 1_024 }), { batchSize: 16, numWorkers });
}

export const train = await { tokens, images, texts }[kind]();
