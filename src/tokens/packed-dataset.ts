import type { BatchContext, Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import { ShapeError } from '../core/errors.js';
import { fingerprint, fingerprintBytes } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { type OriginContext, originOf, originOfDocuments, type StatedOrigin } from '../core/sample-origin.js';
import { zeroTensor } from '../core/tensor.js';
import { datasetFingerprint } from '../datasets/dataset-fingerprint.js';
import {
  type DocumentParts,
  type LabeledTokens,
  type PackedFields,
  partsOf,
  type TokenDocuments,
  type Tokens,
} from './document.js';
import { type PackedDatasetOptions, type ResolvedPacked, resolvePacked } from './packed-options.js';
import { Packing, type Piece } from './packing.js';
import { SequenceFields } from './sequence-fields.js';
import {
  layoutOf,
  layoutWithin,
  type Segment,
  type SequenceLayout,
  type SequenceRange,
} from './sequence-layout.js';
import { rangesOf } from './sequence-slice.js';
import { allocateSequences, sampleOf, type TokenSequence, writeSegment } from './token-sequence.js';

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
export class PackedDataset<D extends Tokens | LabeledTokens = Tokens | LabeledTokens>
  implements Dataset<TokenSequence & PackedFields<D>>, Movable
{
  readonly documents: TokenDocuments<D>;
  readonly rowLength: number;
  /** Number of rows. */
  readonly length: number;
  /** Tokens of all documents. */
  readonly tokenCount: number;
  readonly variesByEpoch: boolean;
  /** Present if the documents have it: prefetches the whole documents of the rows. */
  readonly prefetch?: NonNullable<Dataset<unknown>['prefetch']>;
  readonly #options: ResolvedPacked;
  readonly #lengths: ArrayLike<number>;
  readonly #packing: Packing;
  /** This rank's part of a row. */
  readonly #ranges: readonly SequenceRange[];

  /** @throws {@link ConfigError} naming the option, or the document whose length is not a whole number of 0 or more. */
  constructor(documents: TokenDocuments<D>, options: PackedDatasetOptions) {
    const resolved = resolvePacked(documents, options);
    const { rowLength, seed, shuffle, sequenceSlice, lengths, tokenCount } = resolved;
    this.#lengths = lengths;
    this.documents = documents;
    this.rowLength = rowLength;
    this.#ranges = rangesOf(rowLength, sequenceSlice);
    this.variesByEpoch = shuffle;
    this.#options = resolved;
    this.tokenCount = tokenCount;
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

  /** @internal The documents of a row, or of this rank's part of it. */
  originAt(row: number, context: OriginContext): StatedOrigin {
    const { pieces, layout } = this.#partOf(row, context.epoch);
    const documents = layout.segments.map(({ document, start, length }) => {
      const piece = pieces[document]!;
      const { source, index, pass } = originOf(this.documents, piece.document, context);
      return { source, index, pass, start: piece.start + start, tokens: length };
    });
    return originOfDocuments(row, context.epoch + context.pass, documents);
  }

  /** @internal */
  get sourceCount(): number {
    return this.documents.sourceCount ?? 1;
  }

  /** Tokens of a row, with padding: with `sequenceSlice`, those of this rank. */
  get sequenceLength(): number {
    return this.#ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  get(row: number, context: SampleContext): MaybePromise<TokenSequence & PackedFields<D>> {
    const part = this.#partOf(row, context.epoch);
    const rows = this.#allocate([part], zeroTensor, [this.sequenceLength]);
    return andThen(this.#fill(rows, 0, part, context), () => this.#withFields(sampleOf(rows.sequence), rows));
  }

  getBatch(indices: IndexArray, context: BatchContext): MaybePromise<TokenSequence & PackedFields<D>> {
    const length = this.sequenceLength;
    const parts = Array.from(indices, (row) => this.#partOf(row, context.epoch));
    const rows = this.#allocate(parts, context.allocate, [indices.length, length]);
    const pending = parts
      .map((part, k) => this.#fill(rows, k * length, part, context.sample(k)))
      .filter((filled) => filled instanceof Promise);
    const made = () => this.#withFields(rows.sequence, rows);
    return pending.length > 0 ? Promise.all(pending).then(made) : made();
  }

  #withFields(sequence: TokenSequence, { fields }: Rows): TokenSequence & PackedFields<D> {
    return { ...sequence, ...fields.tensors } as TokenSequence & PackedFields<D>;
  }

  /** @internal */
  get madeFrom(): readonly Dataset<unknown>[] {
    return [this.documents];
  }

  /** The same for every context-parallel rank. */
  fingerprint(): string {
    const { rowLength, padToken, seed, shuffle, shift } = this.#options;
    return fingerprint({
      kind: 'PackedDataset',
      documents: datasetFingerprint(this.documents),
      lengths: fingerprintBytes(Float64Array.from(this.#lengths)),
      rowLength,
      padToken,
      seed,
      shuffle,
      shift,
    });
  }

  close(): void | Promise<void> {
    return this.documents.close?.();
  }

  [toRecipe](): Recipe {
    const { tokenCount: _, ...given } = this.#options;
    const options = { ...given, lengths: Float64Array.from(this.#lengths) };
    return {
      builtIn: 'PackedDataset',
      args: { documents: recipeOf(this.documents, 'dataset'), options },
    };
  }

  static async fromRecipe(
    { documents, options }: { readonly documents: Recipe; readonly options: PackedDatasetOptions },
    make: MakeFromRecipe,
  ): Promise<PackedDataset> {
    return new PackedDataset(await make<TokenDocuments>(documents), options);
  }

  /** The documents with tokens in this rank's part of these rows, in order. */
  #documentsOf(rows: IndexArray, epoch: number): number[] {
    const documents = Array.from(rows, (row) => {
      const { pieces, layout } = this.#partOf(row, epoch);
      return layout.segments.map((segment) => pieces[segment.document]!.document);
    });
    return [...new Set(documents.flat())];
  }

  /** This rank's part of a row. */
  #partOf(row: number, epoch: number): RowPart {
    const pieces = this.piecesOf(row, epoch);
    const whole = layoutOf(
      pieces.map(({ length }) => length),
      { length: this.rowLength },
    );
    const segments = whole.segments.map((segment) => {
      const { document, start, length } = pieces[segment.document]!;
      return { ...segment, hasNext: this.#options.shift && start + length < this.#lengths[document]! };
    });
    return { pieces, layout: layoutWithin({ ...whole, segments }, this.#ranges) };
  }

  #allocate(parts: readonly RowPart[], allocate: BatchContext['allocate'], shape: readonly number[]): Rows {
    const { padToken, shift } = this.#options;
    const layouts = parts.map(({ layout }) => layout);
    const sequence = allocateSequences(layouts, { allocate, shape, padToken });
    return { sequence, fields: new SequenceFields(allocate, shape, shift) };
  }

  /** Writes tokens, labels and fields of a row, from element `start` on. */
  #fill(
    { sequence, fields }: Rows,
    start: number,
    { pieces, layout }: RowPart,
    context: SampleContext,
  ): MaybePromise<void> {
    const { shift } = this.#options;
    const pending: Promise<void>[] = [];
    let at = start;
    // A part without tokens has the fields of its row all the same.
    const { segments: own } = layout;
    const segments = own.length > 0 || this.documents.read ? own : [nothing];
    for (const segment of segments) {
      const to = at;
      const { document, start: first } = pieces[segment.document]!;
      const length = segment.length + (segment.hasNext ? 1 : 0);
      const read = this.#read({ document, start: first + segment.start, length }, context);
      const where = (token: number) => ({ document, token: first + token });
      const written = andThen(read, ({ tokens, labels, fields: others }) => {
        writeSegment(sequence, to, segment, { content: { tokens, labels, where }, shift });
        fields.write(to, segment, others, { document });
      });
      if (written instanceof Promise) pending.push(written);
      at += segment.length;
    }
    return pending.length > 0 ? Promise.all(pending).then(() => undefined) : undefined;
  }

  /** The tokens of a piece, with their labels and fields. */
  #read({ document, start, length }: Piece, context: SampleContext): MaybePromise<DocumentParts> {
    const { documents } = this;
    const whole = this.#lengths[document]!;
    if (documents.read && length < whole)
      return andThen(documents.read(document, start, length), (tokens) => partsOf(tokens, { document }));
    // Other rows may contain the rest of the document. They make it again, with the same random numbers.
    const part = context.part('document', { index: document, shared: true });
    return andThen(documents.get(document, part), (read) => {
      const parts = partsOf(read, { document });
      const { tokens } = parts;
      if (tokens.length !== whole) {
        throw new ShapeError(
          `Document ${document} has ${tokens.length} tokens, its length was given as ${whole}`,
          {
            where: { document, tokens: tokens.length },
            next: 'Pass the lengths of these documents, in their order.',
          },
        );
      }
      return length === whole ? parts : rangeOf(parts, start, start + length);
    });
  }
}

/** The pieces of a row, and the layout of the part of it that a rank gets; documents are ordinals of pieces. */
interface RowPart {
  readonly pieces: readonly Piece[];
  readonly layout: SequenceLayout;
}

/** Rows that are written, with the fields that their documents have beside tokens and labels. */
interface Rows {
  readonly sequence: TokenSequence;
  readonly fields: SequenceFields;
}

/** No token of the first document. */
const nothing: Segment = { document: 0, start: 0, length: 0, hasNext: false };

function rangeOf({ tokens, labels, fields }: DocumentParts, start: number, end: number): DocumentParts {
  return {
    tokens: tokens.slice(start, end),
    labels: labels?.slice(start, end),
    fields: new Map(Array.from(fields, ([name, values]) => [name, values.subarray(start, end)])),
  };
}
