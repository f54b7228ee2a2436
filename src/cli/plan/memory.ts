import { statSync } from 'node:fs';
import type { OpenedConfig } from '../../config/index.js';
import { bytesPerElement, type DType } from '../../core/dtype.js';
import { elementCount, isTensor, type Tensor } from '../../core/tensor.js';
import { ConcatDataset, MixtureDataset, Subset, TensorDataset } from '../../datasets/index.js';
import { IndexedDataset, NpyDataset } from '../../formats/index.js';
import { planWorkers } from '../../loader/engine/worker-plan.js';
import { DataLoader, type PadCollate } from '../../loader/index.js';
import type { ResolvedOptions as ResolvedLoaderOptions } from '../../loader/resolve-options.js';
import { listFiles } from '../../storage/list-files.js';
import { localPath } from '../../storage/local-path.js';
import { isRemote } from '../../storage/url-scheme.js';
import { PackedDataset } from '../../tokens/packed-dataset.js';
import { bytesPerToken } from '../../tokens/token-sequence.js';
import { TokenWindows } from '../../tokens/token-windows.js';

/** Memory of a worker thread in Node.js 20, measured with one to eight workers (docs/plan.md). */
const workerBytes = 11_000_000;

/** Memory of one process. */
export interface MemoryPlan {
  /** Bytes of a rank's largest batch; `undefined` if unknown without reading a sample. */
  readonly batchBytes: number | undefined;
  /** Source of `batchBytes`. */
  readonly source: 'dtypes and shapes' | 'an actual batch' | undefined;
  readonly numWorkers: number;
  /** Batches in memory at once: the prefetched ones and the one in use. */
  readonly slots: number;
  readonly workerBytes: number;
  /** `slots · batchBytes + workerBytes`. */
  readonly peakBytes: number | undefined;
}

/** Bytes on disk. */
export interface DiskPlan {
  /** Local data files; `undefined` if the configuration does not name them. */
  readonly dataBytes: number | undefined;
  /** Limit of the cache for remote data. */
  readonly cacheBytes: number;
}

/**
 * Peak memory of a process, from the options of its loader. For `'auto'`, the maximum that the loader may reach. It may
 * hold more tiny batches, whose memory is negligible.
 *
 * @param samplesAtOnce - Samples in a rank's largest batch.
 * @param made - Bytes of an actual batch, if one was made.
 */
export function planMemory(
  { loader, dataset }: OpenedConfig,
  samplesAtOnce: number,
  made?: number,
): MemoryPlan {
  const { maxWorkers, maxPrefetchFactor } =
    loader instanceof DataLoader
      ? planWorkers(loader.options)
      : { maxWorkers: loader.numLocalIoWorkers, maxPrefetchFactor: 2 };
  const multipleOf = loader instanceof DataLoader ? paddedTo(loader.options) : undefined;
  const known = multipleOf === undefined ? undefined : sampleBytes(dataset, multipleOf);
  const batchBytes = made ?? (known === undefined ? undefined : known * samplesAtOnce);
  const slots = maxWorkers * maxPrefetchFactor + 1;
  const ofWorkers = maxWorkers * workerBytes;
  return {
    batchBytes,
    source:
      made === undefined ? (batchBytes === undefined ? undefined : 'dtypes and shapes') : 'an actual batch',
    numWorkers: maxWorkers,
    slots,
    workerBytes: ofWorkers,
    peakBytes: batchBytes === undefined ? undefined : slots * batchBytes + ofWorkers,
  };
}

/** The multiple to which lengths are padded; `undefined` for a custom collate. */
function paddedTo({ transform, collate }: ResolvedLoaderOptions): number | undefined {
  if (transform !== undefined) return undefined;
  const { padOptions } = (collate ?? {}) as Partial<PadCollate<DType>>;
  return collate === undefined || padOptions ? (padOptions?.multipleOf ?? 1) : undefined;
}

/** Bytes of the largest collated sample, if dtype and shape are known in advance. */
function sampleBytes(dataset: unknown, multipleOf: number): number | undefined {
  if (dataset instanceof TokenWindows && !dataset.documentEnds)
    return 2 * dataset.windowLength * bytesPerElement(dataset.dtype as DType);
  if (dataset instanceof PackedDataset || dataset instanceof TokenWindows)
    return bytesPerToken * dataset.sequenceLength;
  if (dataset instanceof TensorDataset) {
    const columns = Object.values(dataset.columns as Record<string, Tensor>);
    return columns.reduce(
      (sum, { dtype, shape }) => sum + elementCount(shape.slice(1)) * bytesPerElement(dtype),
      0,
    );
  }
  if (dataset instanceof NpyDataset) {
    const dtype = dataset.storedDType === 'float16' ? 'float32' : dataset.storedDType;
    return elementCount(dataset.sampleShape) * bytesPerElement(dtype as DType);
  }
  if (dataset instanceof IndexedDataset) {
    const longest = dataset.sizes.reduce((most, size) => Math.max(most, size), 0);
    return Math.ceil(longest / multipleOf) * multipleOf * bytesPerElement(dataset.dtype);
  }
  if (dataset instanceof Subset) return sampleBytes(dataset.dataset, multipleOf);
  if (!(dataset instanceof MixtureDataset || dataset instanceof ConcatDataset)) return undefined;
  const sizes = dataset.datasets.map((source) => sampleBytes(source, multipleOf));
  return sizes.every((size) => size !== undefined) ? Math.max(...sizes) : undefined;
}

/** Bytes of the tensors and strings of a batch. */
export function bytesOf(batch: unknown): number {
  if (isTensor(batch)) return batch.data.byteLength;
  if (ArrayBuffer.isView(batch) || batch instanceof ArrayBuffer) return batch.byteLength;
  if (typeof batch === 'string') return 2 * batch.length;
  if (typeof batch !== 'object' || batch === null) return 8;
  return Object.values(batch).reduce<number>((sum, part) => sum + bytesOf(part), 0);
}

/** Size of a configuration's files. */
export async function planDisk({ files, cacheBytes }: OpenedConfig): Promise<DiskPlan> {
  const local = files.filter((file) => !isRemote(file));
  let dataBytes = 0;
  for (const name of local) for (const size of await fileSizes(name)) dataBytes += size;
  return { dataBytes: local.length === 0 ? undefined : dataBytes, cacheBytes };
}

/** Sizes of the files of a local path or pattern. A prefix of indexed tokens names two files. */
export async function fileSizes(name: string): Promise<number[]> {
  const path = localPath(name);
  const prefix = path.replace(/\.(bin|idx)$/, '');
  const pair = [`${prefix}.bin`, `${prefix}.idx`].map(sizeOf).filter((size) => size !== undefined);
  if (pair.length === 2) return pair;
  const files = await listFiles(path);
  return files.map((file) => sizeOf(file) ?? 0);
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
