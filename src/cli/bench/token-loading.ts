import type { IndexedDataset } from '../../formats/index.js';
import { DataLoader } from '../../loader/index.js';
import { TokenWindows } from '../../tokens/token-windows.js';

/** Options of {@link measureTokenLoading}. */
export interface TokenLoading {
  readonly windowLength: number;
  readonly batchSize: number;
  readonly numWorkers: number;
  /** Number of batches to measure. */
  readonly batches: number;
  readonly onBatch: (done: number) => void;
}

/** Result of a measurement. */
export interface LoadingSpeed {
  readonly numWorkers: number;
  readonly batches: number;
  readonly batchesPerSecond: number;
  /** Tokens of `x` and `y` together. */
  readonly tokensPerSecond: number;
  readonly bytesPerSecond: number;
  /** Share of the time spent waiting for data; the loop does nothing else. */
  readonly waitShare: number;
  /** Time to the first batch, including the start of workers. */
  readonly firstBatchMs: number;
}

const int32Bytes = 4;

/** Loads random windows at full speed, epoch after epoch. */
export async function measureTokenLoading(
  dataset: IndexedDataset,
  loading: TokenLoading,
): Promise<LoadingSpeed> {
  const { windowLength, batchSize, numWorkers, batches, onBatch } = loading;
  const windows = new TokenWindows(dataset, { length: windowLength });
  const loader = new DataLoader(windows, { batchSize, shuffle: true, numWorkers });
  const started = performance.now();
  let first = started;
  let done = 0;
  let tokens = 0;
  try {
    while (done < batches) {
      for await (const { x, y } of loader) {
        if (done === 0) first = performance.now();
        else tokens += x.data.length + y.data.length;
        onBatch(++done);
        if (done === batches) break;
      }
    }
    const seconds = (performance.now() - first) / 1_000;
    return {
      numWorkers,
      batches: done,
      batchesPerSecond: (done - 1) / seconds,
      tokensPerSecond: tokens / seconds,
      bytesPerSecond: (tokens * int32Bytes) / seconds,
      waitShare: loader.stats().waitShare,
      firstBatchMs: first - started,
    };
  } finally {
    await loader.close();
  }
}

/** Bytes per second that one thread copies into fresh memory, one batch at a time: an upper limit for any loader. */
export function measureCopyLimit(bytesPerBatch: number): number {
  const source = new Uint8Array(bytesPerBatch).fill(1);
  const rounds = Math.max(16, Math.ceil(256e6 / bytesPerBatch));
  const started = performance.now();
  for (let round = 0; round < rounds; round++) new Uint8Array(bytesPerBatch).set(source);
  return (rounds * bytesPerBatch * 1_000) / (performance.now() - started);
}
