import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DType } from '../core/dtype.js';
import { StorageError } from '../core/errors.js';
import { IndexedDataset, IndexedDatasetBuilder, smallestIntegerDtype } from '../formats/index.js';
import { type ClusterIds, clusterIds } from './cluster-ids.js';

/**
 * The files in which DeepSpeed keeps its clusters: each an indexed dataset of one item, the sample ids in their order.
 *
 * What is written waits for {@link ClusterFiles.flush}, so that a cluster which is shuffled many times between two
 * batches is written once.
 */
export class ClusterFiles {
  readonly #folder: string;
  readonly #datasetLength: number;
  readonly #dtype: DType;
  readonly #waiting = new Map<string, ClusterIds>();

  constructor(folder: string, datasetLength: number) {
    this.#folder = folder;
    this.#datasetLength = datasetLength;
    // DeepSpeed makes room for the length itself, which no id has.
    this.#dtype = smallestIntegerDtype(0, datasetLength);
  }

  createFolder(): void {
    try {
      mkdirSync(this.#folder, { recursive: true });
    } catch (cause) {
      throw new StorageError('The folder of the cluster files cannot be made', {
        where: { file: this.#folder },
        next: 'Say a folder that can be written to in data_cluster_path.',
        cause,
      });
    }
  }

  exists(name: string): boolean {
    return this.#waiting.has(name) || existsSync(`${this.#prefix(name)}.bin`);
  }

  write(name: string, order: ClusterIds): void {
    this.#waiting.set(name, order);
  }

  /** Writes what waits. @throws {@link StorageError} when the disk refuses. */
  flush(): void {
    for (const [name, order] of this.#waiting) {
      const builder = new IndexedDatasetBuilder(this.#prefix(name), { dtype: this.#dtype });
      builder.addItem(order);
      builder.endDocument();
      builder.finalize();
    }
    this.#waiting.clear();
  }

  /** @throws {@link StorageError} when the files are not there, {@link FormatError} when they are damaged. */
  read(name: string): ClusterIds {
    const file = IndexedDataset.openSync(this.#prefix(name), { dtypeTable: 'deepspeed' });
    try {
      return clusterIds(this.#datasetLength, Array.from(file.get(0).data, Number));
    } finally {
      file.close();
    }
  }

  #prefix(name: string): string {
    return join(this.#folder, name);
  }
}

/** Name of a cluster's files without folder and ending. Older states of DeepSpeed's hold whole paths. */
export function clusterFileName(saved: string): string {
  return saved.slice(saved.lastIndexOf('/') + 1);
}
