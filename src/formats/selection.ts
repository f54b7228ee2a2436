import { parseCheckedJson } from '../core/checked-json.js';
import type { Dataset } from '../core/dataset.js';
import { ConfigError, FormatError, StateMismatchError, StorageError } from '../core/errors.js';
import { ownValue } from '../core/record.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import { Subset } from '../datasets/index.js';
import type { ObjectStore } from '../storage/object-store.js';
import { readObject } from '../storage/object-store.js';
import { openObjectStore } from '../storage/open-object-store.js';

/** A rule of a selection, and what it removed. */
export interface SelectedRule {
  readonly name: string;
  readonly removed: number;
  /** The first samples that it removed; `stays` is the sample that a duplicate repeats, or that of the evaluation set. */
  readonly examples: readonly { readonly index: number; readonly stays?: number; readonly text: string }[];
}

/** Content of `selection.json`. */
export interface SelectionManifest {
  readonly millrace: 'selection';
  readonly version: 1;
  /** Fingerprint of the dataset. */
  readonly dataset: string;
  readonly samples: number;
  readonly kept: number;
  /** In the order in which they were applied. */
  readonly rules: readonly SelectedRule[];
  /** Samples of each split; `kept` if there are no splits. */
  readonly splits: Readonly<Record<string, number>>;
  /** Everything that determines the result besides the data. */
  readonly parameters: object;
}

export const selectionFile = 'selection.json';

/** Name of the file of a split: the indices of its samples, ascending, as little-endian float64. */
export function splitFile(split: string): string {
  return `${split}.indices`;
}

/**
 * Reads the manifest of a selection.
 *
 * @throws {@link StorageError} if there is none; {@link FormatError} if it is damaged.
 */
export async function readSelection(store: ObjectStore): Promise<SelectionManifest> {
  const where = { selection: store.name };
  const bytes = await readObject(store, selectionFile);
  if (!bytes)
    throw new StorageError('There is no selection', { where, next: 'Pass the output of millrace select.' });
  try {
    const manifest = parseCheckedJson<SelectionManifest>(new TextDecoder().decode(bytes));
    if (manifest.millrace === 'selection') return manifest;
    throw new SyntaxError('It is not a selection');
  } catch (cause) {
    throw new FormatError('The selection is damaged', { where, next: 'Select again.', cause });
  }
}

/**
 * The selected samples of a dataset, without copying them. For files, `openDataset` does the same with its option
 * `selection`.
 *
 * ```ts
 * const train = await selected(dataset, 'selection#train');
 * ```
 *
 * @param selection - Output of `selectDataset`: a folder or a URL, and `#` with the name of a split if there are several.
 * @throws {@link StateMismatchError} if the selection was made from other data; {@link ConfigError} for a split that it
 *   does not have; {@link StorageError} if there is no selection; {@link FormatError} if it is damaged.
 */
export async function selected<T>(dataset: Dataset<T>, selection: string): Promise<Subset<T>> {
  const [, location = selection, split] = /^(.*)#([\w-]+)$/s.exec(selection) ?? [];
  const store = await openObjectStore(location);
  const { dataset: wanted, samples, splits } = await readSelection(store);
  const here = datasetFingerprint(dataset);
  if (here !== wanted || dataset.length !== samples)
    throw new StateMismatchError('The selection was made from other data', {
      where: { field: 'dataset', wanted, here, samples, found: dataset.length },
      next: 'Open the data as it was selected (files, format, columns), or select again.',
    });
  const names = Object.keys(splits);
  const name = split ?? (names.length === 1 ? names[0]! : '');
  const length = ownValue(splits, name);
  if (length !== undefined) return new Subset(dataset, await readIndices(store, splitFile(name), length));
  const message = split === undefined ? 'must name a split' : `has no split ${split}`;
  throw new ConfigError('selection', [
    { field: 'selection', message: `${message}: ${names.map((each) => `${location}#${each}`).join(', ')}` },
  ]);
}

async function readIndices(store: ObjectStore, name: string, length: number): Promise<Float64Array> {
  const bytes = await readObject(store, name);
  // Copied, so that it is aligned.
  if (bytes?.length === 8 * length) return new Float64Array(bytes.slice().buffer);
  throw new FormatError('The indices of the selection are truncated', {
    where: { selection: store.name, file: name, bytes: bytes?.length ?? 0, expected: 8 * length },
    next: 'Select again.',
  });
}
