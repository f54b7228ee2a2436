import type { BatchContext, Dataset, IndexArray } from '../../core/dataset.js';
import type { MillraceError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, toRecipe } from '../../core/recipe.js';
import type { Tensor } from '../../core/tensor.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import { chooseColumns } from '../choose-columns.js';
import { ArrayRows, type ArrayRowsRecipe, type StoredArray } from './array-rows.js';
import type { StoredDType } from './stored-dtype.js';

/** A row of each array, by name. */
export type ArraySample = Readonly<Record<string, Tensor>>;

export interface NamedArraysOptions extends StorageOptions {
  /** Which arrays a sample has. @defaultValue all */
  readonly columns?: readonly string[];
}

/** An array of a file: how it is stored, and the shape of one row. */
export interface ArrayColumn {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
}

/** Arrays of one length in a file, by row: what `.npz` and safetensors have in common. */
export abstract class NamedArrays implements Dataset<ArraySample>, Movable {
  readonly #rows: ArrayRows;
  readonly #content: string;

  readonly #checksumErrors: () => AsyncIterable<MillraceError>;

  /** @internal */
  constructor(
    rows: ArrayRows,
    content: string,
    checksumErrors: () => AsyncIterable<MillraceError> = async function* () {},
  ) {
    this.#rows = rows;
    this.#content = content;
    this.#checksumErrors = checksumErrors;
  }

  /** An error for each array that does not match its checksum, where the file has checksums: `millrace verify` asks for them. */
  checksumErrors(): AsyncIterable<MillraceError> {
    return this.#checksumErrors();
  }

  get length(): number {
    return this.#rows.length;
  }

  /** The arrays of a sample. */
  get columns(): readonly ArrayColumn[] {
    return this.#rows.columns;
  }

  get(index: number): MaybePromise<ArraySample> {
    return byName(this.#rows.names, (name) => this.#rows.row(name, index));
  }

  getBatch(indices: IndexArray, context: BatchContext): MaybePromise<ArraySample> {
    return byName(this.#rows.names, (name) => this.#rows.batch(name, indices, context));
  }

  /** Fetches what will be asked for into the cache, if there is one. */
  prefetch(indices: IndexArray): number | undefined {
    return this.#rows.prefetch(indices);
  }

  fingerprint(): string {
    const columns = this.#rows.names;
    return fingerprint({ kind: this.#rows.owner, columns, content: this.#content });
  }

  [toRecipe](): Recipe {
    const args: NamedArraysRecipe = { rows: this.#rows.recipe(), content: this.#content };
    return { builtIn: this.#rows.owner, args };
  }

  close(): void {
    this.#rows.close();
  }
}

export interface NamedArraysRecipe {
  readonly rows: ArrayRowsRecipe;
  readonly content: string;
}

/** Makes a dataset of a class of these again in another thread. */
export async function namedArraysFromRecipe<T extends NamedArrays>(
  make: MakeFromRecipe,
  { rows, content }: NamedArraysRecipe,
  create: new (rows: ArrayRows, content: string) => T,
): Promise<T> {
  return new create(await ArrayRows.fromRecipe(rows, make), content);
}

/**
 * The arrays that are asked for.
 *
 * @param names - Of all arrays in the file.
 * @throws {@link ConfigError} for one that is not there
 */
export function chooseArrays(
  owner: string,
  arrays: ReadonlyMap<string, StoredArray>,
  columns: readonly string[] | undefined,
  names: readonly string[] = [...arrays.keys()],
): ReadonlyMap<string, StoredArray> {
  if (!columns) return arrays;
  const chosen = chooseColumns({ owner, noun: 'array' }, columns, names);
  return new Map(chosen.map((name) => [name, arrays.get(name)!]));
}

function byName(
  names: readonly string[],
  make: (name: string) => MaybePromise<Tensor>,
): MaybePromise<ArraySample> {
  const made = names.map(make);
  const together = (tensors: readonly Tensor[]) =>
    Object.fromEntries(names.map((name, k) => [name, tensors[k]!]));
  if (made.some((tensor) => tensor instanceof Promise)) return Promise.all(made).then(together);
  return together(made as Tensor[]);
}
