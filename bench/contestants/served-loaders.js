// What serve.bench.ts serves: MILLRACE_BENCH_TOKENS and MILLRACE_BENCH_IMAGES name the data, MILLRACE_BENCH_WORKERS the threads.
import { DataLoader } from 'millrace';
import { ImageFolder, IndexedDataset } from 'millrace/formats';
import { normalize, randomHorizontalFlip, randomResizedCrop } from 'millrace/images';
import { TokenWindows } from 'millrace/tokens';

const { MILLRACE_BENCH_TOKENS, MILLRACE_BENCH_IMAGES, MILLRACE_BENCH_WORKERS } = process.env;
const shared = { shuffle: true, numWorkers: Number(MILLRACE_BENCH_WORKERS) };

const transforms = [randomResizedCrop(224), randomHorizontalFlip(), normalize()];
export const train = MILLRACE_BENCH_TOKENS
  ? new DataLoader(
      new TokenWindows(await IndexedDataset.open(MILLRACE_BENCH_TOKENS), { length: 2_048, dtype: 'int32' }),
      {
        batchSize: 32,
        ...shared,
      },
    )
  : new DataLoader(await ImageFolder.open(MILLRACE_BENCH_IMAGES, { transforms }), {
      batchSize: 64,
      ...shared,
    });
