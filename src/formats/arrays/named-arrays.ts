import type { BatchContext, IndexArray } from '../../core/dataset.js';
import type { MillraceError } from '../../core/errors.js';
import { knownValue } from '../../core/known-value.js';
import { andThenAll, type MaybePromise } from '../../core/maybe-promise.js';
import type { Tensor } from '../../core/tensor.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { chooseColumns } from '../choose-columns.js';
import { FileDataset } from '../file-dataset.js';
import type { ArrayRows, StoredArray } from './array-rows.js';
import type { StoredDType } from './stored-dtype.js';

/** A row of each array, by name. */
export type ArraySample = Readonly<Record<string, Tensor>>;

export interface NamedArraysOptions extends StorageOptions {
  /** Arrays of a sample. @defaultValue all */
  readonly columns?: readonly string[];
}

/** An array of a file: how it is stored, and the shape of one row. */
export interface ArrayColumn {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
}

/** Arrays of one length in a file, row by row: the base of `.npz` and safetensors. */
export abstract class NamedArrays extends FileDataset<ArraySample, ArrayRows, null> {
  readonly #checksumErrors: () => AsyncIterable<MillraceError>;

  /** @internal */
  constructor(rows: ArrayRows, checksumErrors: () => AsyncIterable<MillraceError> = async function* () {}) {
    super(rows.owner, rows, null);
    this.#checksumErrors = checksumErrors;
  }

  /** Yields an error for each array that does not match its checksum, if the file has checksums. `millrace verify` calls it. */
  checksumErrors(): AsyncIterable<MillraceError> {
    return this.#checksumErrors();
  }

  /** The arrays of a sample. */
  get columns(): readonly ArrayColumn[] {
    return this.rows.columns;
  }

  get(index: number): MaybePromise<ArraySample> {
    return byName(this.rows.names, (name) => this.rows.row(name, index));
  }

  getBatch(indices: IndexArray, context: BatchContext): MaybePromise<ArraySample> {
    return byName(this.rows.names, (name) => this.rows.batch(name, indices, context));
  }

  protected override identity() {
    return { columns: this.rows.names };
  }
}

/**
 * The chosen arrays, or all.
 *
 * @param names - Names of all arrays in the file.
 * @throws {@link ConfigError} for an array that is not there.
 */
export function chooseArrays(
  owner: string,
  arrays: ReadonlyMap<string, StoredArray>,
  columns: readonly string[] | undefined,
  names: readonly string[] = [...arrays.keys()],
): ReadonlyMap<string, StoredArray> {
  if (!columns) return arrays;
  const chosen = chooseColumns({ owner, noun: 'array' }, columns, names);
  return new Map(chosen.map((name) => [name, knownValue(arrays, name)]));
}

function byName(
  names: readonly string[],
  make: (name: string) => MaybePromise<Tensor>,
): MaybePromise<ArraySample> {
  return andThenAll(names.map(make), (tensors) =>
    Object.fromEntries(names.map((name, k) => [name, tensors[k]!])),
  );
}
