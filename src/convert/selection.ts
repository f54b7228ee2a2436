import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { parseCheckedJson } from '../core/checked-json.js';
import type { Dataset } from '../core/dataset.js';
import { ConfigError, FormatError, StateMismatchError, StorageError } from '../core/errors.js';
import { ownValue } from '../core/record.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import { Subset } from '../datasets/index.js';
import { localPath } from '../storage/local-path.js';

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

/** The file of the indices of a split: little-endian float64, ascending. */
export function splitFile(folder: string, split: string): string {
  return join(folder, `${split}.indices`);
}

/** @throws {@link StorageError} if there is none; {@link FormatError} if it is damaged. */
export function readSelection(folder: string): SelectionManifest {
  const file = join(localPath(folder), selectionFile);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new StorageError('There is no selection', {
      where: { file },
      next: 'Pass the output of millrace select.',
      cause,
    });
  }
  try {
    const manifest = parseCheckedJson(text) as Partial<SelectionManifest>;
    if (manifest.millrace === 'selection') return manifest as SelectionManifest;
    throw new SyntaxError('It is not a selection');
  } catch (cause) {
    throw new FormatError('The selection is damaged', { where: { file }, next: 'Select again.', cause });
  }
}

/**
 * The selected samples of a dataset, without copying them.
 *
 * ```ts
 * const train = selected((await openDataset('raw/*.jsonl')).dataset, 'selection', 'train');
 * ```
 *
 * @param folder - Output of `selectDataset`.
 * @param split - Name of a split. @defaultValue the only one
 * @throws {@link StateMismatchError} if the selection was made from other data; {@link ConfigError} for a split that it
 *   does not have; {@link FormatError} if it is damaged.
 */
export function selected<T>(dataset: Dataset<T>, folder: string, split?: string): Subset<T> {
  const { dataset: wanted, samples, splits } = readSelection(folder);
  const here = datasetFingerprint(dataset);
  if (here !== wanted || dataset.length !== samples)
    throw new StateMismatchError('The selection was made from other data', {
      where: { field: 'dataset', wanted, here, samples, found: dataset.length },
      next: 'Open the data as it was selected (files, format, columns), or select again.',
    });
  const names = Object.keys(splits);
  const name = split ?? (names.length === 1 ? names[0]! : '');
  const length = ownValue(splits, name) as number | undefined;
  if (length === undefined)
    throw new ConfigError('selected', [
      { field: 'split', message: `must be one of ${names.join(', ')}, not ${name || '(none)'}` },
    ]);
  return new Subset(dataset, readIndices(splitFile(localPath(folder), name), length));
}

function readIndices(file: string, length: number): Float64Array {
  const indices = new Float64Array(length);
  const bytes = new Uint8Array(indices.buffer);
  const descriptor = openSync(file, 'r');
  try {
    if (readSync(descriptor, bytes, 0, bytes.length, 0) === bytes.length) return indices;
  } finally {
    closeSync(descriptor);
  }
  throw new FormatError('The indices of the selection are truncated', {
    where: { file },
    next: 'Select again.',
  });
}
