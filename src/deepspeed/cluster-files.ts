import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DType } from '../core/dtype.js';
import { StorageError } from '../core/errors.js';
import { IndexedDataset, IndexedDatasetBuilder, smallestIntegerDtype } from '../formats/index.js';
import { type ClusterIds, clusterIds } from './cluster-ids.js';

/**
 * The files in which DeepSpeed stores its clusters: each an indexed dataset of one item, the sample ids in their
 * order.
 *
 * Writes are deferred until {@link ClusterFiles.flush}, so that a cluster that is shuffled many times between two
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
    // DeepSpeed's dtype must hold the length itself, which is not an id.
    this.#dtype = smallestIntegerDtype(0, datasetLength);
  }

  createFolder(): void {
    try {
      mkdirSync(this.#folder, { recursive: true });
    } catch (cause) {
      throw new StorageError('The folder of the cluster files cannot be created', {
        where: { file: this.#folder },
        next: 'Set data_cluster_path to a writable folder.',
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

  /** Performs deferred writes. @throws {@link StorageError} if writing fails. */
  flush(): void {
    for (const [name, order] of this.#waiting) {
      const builder = new IndexedDatasetBuilder(this.#prefix(name), { dtype: this.#dtype });
      builder.addItem(order);
      builder.endDocument();
      builder.finalize();
    }
    this.#waiting.clear();
  }

  /** @throws {@link StorageError} if the files do not exist, {@link FormatError} if they are damaged. */
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

/** Name of a cluster's files without folder and ending. States of older DeepSpeed versions contain whole paths. */
export function clusterFileName(saved: string): string {
  return saved.slice(saved.lastIndexOf('/') + 1);
}
