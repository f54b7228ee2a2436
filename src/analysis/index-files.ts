import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { StorageError } from '../core/errors.js';
import type { Elements } from '../formats/indexed/cast-elements.js';
import { IndexedDatasetBuilder } from '../formats/indexed/indexed-dataset-builder.js';
import type { IntegerDType } from '../formats/indexed/integer-dtype.js';

/**
 * Content of the files' document index, which readers of a difficulty index ignore. `'merged'`: a boundary after each reduce part
 * and one more at the end, as DeepSpeed's `DataAnalyzer` writes. `'plain'`: one document, as its `DistributedDataAnalyzer` writes.
 */
export type DocIndex = 'merged' | 'plain';

/** Common prefix of the files of a metric: `<folder>/<metric>/<metric>`. */
export function metricPrefix(folder: string, metric: string): string {
  return join(folder, metric, metric);
}

/** Creates a folder and its parents. @throws {@link StorageError} */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new StorageError('The folder cannot be created', {
      where: { file: path },
      next: 'Choose a folder in which this user may write.',
      cause,
    });
  }
}

/** Items of a dataset, concatenated. */
export interface Items {
  readonly flat: Elements;
  /** Elements of each item. @defaultValue one */
  readonly lengths?: ArrayLike<number>;
  /** For each document, the number of items up to its end; ascending. */
  readonly documentEnds: readonly number[];
}

/** Writes one `.bin`/`.idx` pair. @throws {@link StorageError} */
export function writeItems(prefix: string, dtype: IntegerDType, items: Items): void {
  const { flat, documentEnds } = items;
  const builder = new IndexedDatasetBuilder(prefix, { dtype, parity: true });
  try {
    let item = 0;
    let element = 0;
    for (const end of documentEnds) {
      const part = lengthsOf(items, item, end);
      const count = part.reduce((sum, length) => sum + length, 0);
      builder.addItems(flat.slice(element, element + count), part);
      builder.endDocument();
      item = end;
      element += count;
    }
    builder.finalize();
  } catch (error) {
    builder.discard();
    throw error;
  }
}

export function lengthsOf({ lengths }: Items, start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => lengths?.[start + i] ?? 1);
}
