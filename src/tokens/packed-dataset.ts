import * as v from 'valibot';
import type { BatchContext, Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import type { TypedArray } from '../core/dtype.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { copyExactly, holds } from '../core/exact-elements.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { isTensor, type Tensor, zeroTensor } from '../core/tensor.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import { noToken } from './no-token.js';
import { Packing, type Piece } from './packing.js';

/** The tokens of one document. */
export type Tokens = Tensor | TypedArray | readonly number[];

/** Documents of tokens; `IndexedDataset` is one. */
export interface TokenDocuments extends Dataset<Tokens> {
  /** Tokens of each document. */
  readonly sizes?: ArrayLike<number>;
  /** Reads a part of a document, if the dataset supports that. */
  read?(index: number, offset: number, length: number): MaybePromise<Tokens>;
}

export interface PackedDatasetOptions {
  /** Tokens per row. */
  readonly rowLength: number;
  /** Tokens of each document. @defaultValue `sizes` of the documents */
  readonly lengths?: ArrayLike<number>;
  /** The pad token. @defaultValue `0` */
  readonly padToken?: number;
  /** Fixes how documents of equal length are exchanged from epoch to epoch. @defaultValue `0` */
  readonly seed?: number;
  /** Whether each epoch exchanges documents of equal length; otherwise a row is the same in every epoch. @defaultValue `true` */
  readonly shuffle?: boolean;
}

/** A row: concatenated documents. */
export interface PackedRow {
  /** Shape `[rowLength]`: the documents, then padding. */
  readonly tokens: Tensor<'int32'>;
  /** Shape `[rowLength]`: the document of the row that each token belongs to, from 0; -1 for padding. Tokens attend within their document. */
  readonly documentIds: Tensor<'int32'>;
  /** Shape `[rowLength]`: the token's position in its document, from 0; 0 for padding. */
  readonly positionIds: Tensor<'int32'>;
}

const schema = v.strictObject({
  rowLength: integerFrom(1),
  lengths: v.optional(
    v.custom<ArrayLike<number>>(
      (value) => typeof (value as Partial<ArrayLike<number>> | null)?.length === 'number',
      'must be a list of numbers',
    ),
  ),
  padToken: v.optional(
    v.pipe(
      v.number('must be a number'),
      v.check((token) => holds('int32', token), 'must be a whole number that int32 holds'),
    ),
    0,
  ),
  seed: v.optional(integerFrom(0), 0),
  shuffle: v.optional(booleanOption, true),
});

type Resolved = v.InferOutput<typeof schema>;

/**
 * Documents packed into rows of equal length for training language models: almost no padding, and only documents longer
 * than a row are split.
 *
 * Rows are packed by best fit; see {@link https://arxiv.org/abs/2404.10830 | Ding et al., Fewer Truncations Improve Language
 * Modeling, 2024}. A longer document fills whole rows, and its remainder is packed like a separate document, with
 * positions from 0. The packing is computed once, from the lengths; each epoch exchanges documents of equal length between
 * rows. Rows are in descending order of their longest document, so load them with `shuffle: true`.
 *
 * @remarks O(documents) to construct, 20 bytes per document; O(documents in the row · log documents) per row.
 */
export class PackedDataset implements Dataset<PackedRow>, Movable {
  readonly documents: TokenDocuments;
  readonly rowLength: number;
  /** Number of rows. */
  readonly length: number;
  /** Tokens of all documents. */
  readonly tokenCount: number;
  readonly variesByEpoch: boolean;
  /** Present if the documents have it: prefetches the whole documents of the rows. */
  readonly prefetch?: NonNullable<Dataset<PackedRow>['prefetch']>;
  readonly #options: Resolved;
  readonly #lengths: ArrayLike<number>;
  readonly #packing: Packing;

  /** @throws {@link ConfigError} naming the option, or the document whose length is not a whole number of 0 or more. */
  constructor(documents: TokenDocuments, options: PackedDatasetOptions) {
    const resolved = parseOptions('PackedDataset options', schema, options);
    const { rowLength, seed, shuffle } = resolved;
    this.#lengths = lengthsOf(documents, resolved);
    this.documents = documents;
    this.rowLength = rowLength;
    this.variesByEpoch = shuffle;
    this.#options = resolved;
    this.tokenCount = checkedSum(this.#lengths);
    this.#packing = new Packing(this.#lengths, { rowLength, seed, shuffle });
    this.length = this.#packing.rows;
    if (documents.prefetch)
      this.prefetch = (rows, epoch) => documents.prefetch?.(this.#documentsOf(rows, epoch), epoch);
  }

  /** The fraction of all positions that hold a token, `0 … 1`. */
  get fill(): number {
    return this.length === 0 ? 1 : this.tokenCount / (this.length * this.rowLength);
  }

  /** Returns the pieces of a row, in order. O(pieces · log documents). */
  piecesOf(row: number, epoch = 0): Piece[] {
    checkIndex(row, this.length, 'PackedDataset');
    return this.#packing.piecesOf(row, epoch);
  }

  /** Returns the rows that contain tokens of a document in an epoch, ascending. */
  indicesOf({ document }: { readonly document: number }, epoch: number): number[] {
    checkIndex(document, this.#lengths.length, 'The documents of a PackedDataset');
    return this.#packing.rowsOf(document, epoch);
  }

  get(row: number, context: SampleContext): MaybePromise<PackedRow> {
    checkIndex(row, this.length, 'PackedDataset');
    const batch = allocateRows((dtype, shape) => zeroTensor(dtype, shape), [this.rowLength]);
    return andThen(this.#fill(batch, 0, row, context), () => batch);
  }

  getBatch(rows: IndexArray, context: BatchContext): MaybePromise<PackedRow> {
    const batch = allocateRows(context.allocate, [rows.length, this.rowLength]);
    const pending = Array.from(rows, (row, k) => {
      checkIndex(row, this.length, 'PackedDataset');
      return this.#fill(batch, k * this.rowLength, row, context.sample(k));
    }).filter((filled) => filled instanceof Promise);
    return pending.length > 0 ? Promise.all(pending).then(() => batch) : batch;
  }

  fingerprint(): string {
    const { rowLength, padToken, seed, shuffle } = this.#options;
    return fingerprint({
      kind: 'PackedDataset',
      documents: datasetFingerprint(this.documents),
      lengths: fingerprintBytes(Float64Array.from(this.#lengths)),
      rowLength,
      padToken,
      seed,
      shuffle,
    });
  }

  close(): void | Promise<void> {
    return this.documents.close?.();
  }

  [toRecipe](): Recipe {
    const options = { ...this.#options, lengths: Float64Array.from(this.#lengths) };
    return {
      builtIn: 'PackedDataset',
      args: { documents: recipeOf(this.documents, 'dataset'), options },
    };
  }

  static async fromRecipe(
    { documents, options }: { readonly documents: Recipe; readonly options: PackedDatasetOptions },
    make: MakeFromRecipe,
  ): Promise<PackedDataset> {
    return new PackedDataset((await make(documents)) as TokenDocuments, options);
  }

  /** The documents with tokens in these rows, in order. */
  #documentsOf(rows: IndexArray, epoch: number): number[] {
    const pieces = Array.from(rows, (row) => this.piecesOf(row, epoch)).flat();
    return [...new Set(pieces.map(({ document }) => document))];
  }

  /** Writes a row to all three tensors, from element `start` on. */
  #fill(batch: PackedRow, start: number, row: number, context: SampleContext): MaybePromise<void> {
    const pieces = this.#packing.piecesOf(row, context.epoch);
    const pending: Promise<void>[] = [];
    let at = start;
    for (const [place, piece] of pieces.entries()) {
      const to = at;
      const copied = andThen(this.#read(piece, context), (tokens) =>
        copyPiece(batch, to, place, tokens, piece),
      );
      if (copied instanceof Promise) pending.push(copied);
      at += piece.length;
    }
    const end = start + this.rowLength;
    batch.tokens.data.fill(this.#options.padToken, at, end);
    batch.documentIds.data.fill(-1, at, end);
    batch.positionIds.data.fill(0, at, end);
    return pending.length > 0 ? Promise.all(pending).then(() => undefined) : undefined;
  }

  /** The tokens of a piece. */
  #read(
    { document, start, length }: Piece,
    context: SampleContext,
  ): MaybePromise<ArrayLike<number | bigint>> {
    const { documents } = this;
    const whole = this.#lengths[document]!;
    if (documents.read && length < whole) return andThen(documents.read(document, start, length), elementsOf);
    // Other rows may contain the rest of the document. They make it again, with the same random numbers.
    const part = context.part('document', { index: document, shared: true });
    return andThen(documents.get(document, part), (read) => {
      const tokens = elementsOf(read);
      if (tokens.length !== whole) {
        throw new ShapeError(
          `Document ${document} has ${tokens.length} tokens, its length was given as ${whole}`,
          {
            where: { document, tokens: tokens.length },
            next: 'Pass the lengths of these documents, in their order.',
          },
        );
      }
      return length === whole ? tokens : tokens.slice(start, start + length);
    });
  }
}

function allocateRows(allocate: BatchContext['allocate'], shape: readonly number[]): PackedRow {
  return {
    tokens: allocate('int32', shape),
    documentIds: allocate('int32', shape),
    positionIds: allocate('int32', shape),
  };
}

function copyPiece(
  { tokens, documentIds, positionIds }: PackedRow,
  to: number,
  place: number,
  piece: ArrayLike<number | bigint>,
  { document, start, length }: Piece,
): void {
  copyExactly(piece, tokens.data, 'int32', to, (token, k) => noToken(token, { document, token: start + k }));
  documentIds.data.fill(place, to, to + length);
  for (let k = 0; k < length; k++) positionIds.data[to + k] = k;
}

type Elements = ArrayLike<number | bigint> & {
  slice(start: number, end: number): ArrayLike<number | bigint>;
};

function elementsOf(tokens: Tokens): Elements {
  return (isTensor(tokens) ? tokens.data : tokens) as Elements;
}

function lengthsOf(documents: TokenDocuments, { lengths }: Resolved): ArrayLike<number> {
  const known = lengths ?? documents.sizes;
  if (!known) {
    throw new ConfigError('PackedDataset options', [
      { field: 'lengths', message: 'is missing: the number of tokens of each document' },
    ]);
  }
  if (known.length !== documents.length) {
    const message = `has ${known.length} numbers for ${documents.length} documents`;
    throw new ConfigError('PackedDataset options', [{ field: 'lengths', message }]);
  }
  return known;
}

function checkedSum(lengths: ArrayLike<number>): number {
  let sum = 0;
  for (let document = 0; document < lengths.length; document++) {
    const length = lengths[document]!;
    if (!(Number.isSafeInteger(length) && length >= 0)) {
      const message = `must be a whole number of 0 or more, not ${length}`;
      throw new ConfigError('PackedDataset options', [{ field: `lengths.${document}`, message }]);
    }
    sum += length;
  }
  return sum;
}
