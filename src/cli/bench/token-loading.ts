import type { IndexedDataset } from '../../formats/index.js';
import { DataLoader } from '../../loader/index.js';
import { TokenWindows } from '../../tokens/token-windows.js';

/** What is loaded, and how. */
export interface TokenLoading {
  readonly windowLength: number;
  readonly batchSize: number;
  readonly numWorkers: number;
  /** Batches that are measured. */
  readonly batches: number;
  readonly onBatch: (done: number) => void;
}

/** How fast it was. */
export interface LoadingSpeed {
  readonly numWorkers: number;
  readonly batches: number;
  readonly batchesPerSecond: number;
  /** Tokens of `x` and `y` together. */
  readonly tokensPerSecond: number;
  readonly bytesPerSecond: number;
  /** Share of the time in which the loop waited for data; here it does nothing else. */
  readonly waitShare: number;
  /** Until the first batch, workers and all. */
  readonly firstBatchMs: number;
}

const int32Bytes = 4;

/** Loads random windows as fast as they come, epoch after epoch. */
export async function measureTokenLoading(
  dataset: IndexedDataset,
  loading: TokenLoading,
): Promise<LoadingSpeed> {
  const { windowLength, batchSize, numWorkers, batches, onBatch } = loading;
  const windows = new TokenWindows(dataset, { length: windowLength });
  const loader = new DataLoader(windows, { batchSize, shuffle: true, numWorkers });
  const asked = performance.now();
  let first = asked;
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
      firstBatchMs: first - asked,
    };
  } finally {
    await loader.close();
  }
}

/** Bytes a second that one thread of this machine copies into fresh memory, in pieces of one batch: what no loader can beat. */
export function measureCopyLimit(bytesPerBatch: number): number {
  const source = new Uint8Array(bytesPerBatch).fill(1);
  const rounds = Math.max(16, Math.ceil(256e6 / bytesPerBatch));
  const started = performance.now();
  for (let round = 0; round < rounds; round++) new Uint8Array(bytesPerBatch).set(source);
  return (rounds * bytesPerBatch * 1_000) / (performance.now() - started);
}
