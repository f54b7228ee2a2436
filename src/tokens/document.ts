import type { Dataset } from '../core/dataset.js';
import { isTypedArray, type TypedArray } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import { propertyOf } from '../core/property-of.js';
import type { DTypeOfArray, Tensor } from '../core/tensor.js';
import { isTensor } from '../core/tensor.js';

/** The tokens of one document. */
export type Tokens = Tensor | TypedArray | readonly number[];

/** A document with its labels, such as a `ChatSample`, and with other fields of one value per token. */
export interface LabeledTokens {
  readonly inputIds: Tokens;
  /** The label of each token itself; -100 outside of the loss. @defaultValue the tokens */
  readonly labels?: Tokens | undefined;
}

/** Documents of tokens, with or without labels; `IndexedDataset` and `ChatDataset` are such. */
export interface TokenDocuments<D extends Tokens | LabeledTokens = Tokens | LabeledTokens>
  extends Dataset<D> {
  /** Tokens of each document. */
  readonly sizes?: ArrayLike<number>;
  /** Whether the labels of the documents are already those of the next token. */
  readonly shiftsLabels?: boolean;
  /** Reads a part of a document, if the dataset supports that. */
  read?(index: number, offset: number, length: number): MaybePromise<Tokens>;
}

/** The fields of a labeled document that hold one value per token, as a packed row has them. */
export type PackedFields<D> = [D] extends [Tokens]
  ? unknown
  : D extends LabeledTokens
    ? {
        readonly [K in keyof D as K extends 'inputIds' | 'labels'
          ? never
          : NonNullable<D[K]> extends TypedArray
            ? K
            : never]: Tensor<DTypeOfArray<Extract<D[K], TypedArray>>>;
      }
    : unknown;

/** The numbers of {@link Tokens}. */
export type Elements = TypedArray | readonly number[];

/** A document as its parts, each with one value per token. */
export interface DocumentParts {
  readonly tokens: Elements;
  readonly labels: Elements | undefined;
  readonly fields: ReadonlyMap<string, TypedArray>;
}

const noFields: ReadonlyMap<string, TypedArray> = new Map();

/**
 * Takes a document apart.
 *
 * @param where - Names the document in an error.
 * @throws {@link ShapeError} naming a field that does not hold one value per token.
 */
export function partsOf(
  document: Tokens | LabeledTokens,
  where: Readonly<Record<string, number>>,
): DocumentParts {
  if (!isLabeled(document)) return { tokens: elementsOf(document), labels: undefined, fields: noFields };
  const { inputIds, labels, ...others } = document;
  const tokens = elementsOf(inputIds);
  const fields = new Map<string, TypedArray>();
  for (const [name, value] of Object.entries<unknown>({ labels, ...others })) {
    if (value === undefined) continue;
    const values = isTensor(value) ? value.data : value;
    if (propertyOf(values, 'length') !== tokens.length) throw notPerToken(name, where);
    if (name === 'labels') continue;
    if (!isTypedArray(values)) throw notPerToken(name, where);
    fields.set(name, values);
  }
  return { tokens, labels: labels && elementsOf(labels), fields };
}

/** Number of tokens of a document. */
export function tokenCountOf(document: Tokens | LabeledTokens): number {
  return elementsOf(isLabeled(document) ? document.inputIds : document).length;
}

function isLabeled(document: Tokens | LabeledTokens): document is LabeledTokens {
  return typeof document === 'object' && document !== null && 'inputIds' in document;
}

export function elementsOf(tokens: Tokens): Elements {
  return isTensor(tokens) ? tokens.data : tokens;
}

function notPerToken(field: string, where: Readonly<Record<string, number>>): ShapeError {
  return new ShapeError(
    `The field ${field} does not hold one value per token, so a packed row cannot keep it`,
    {
      where: { field, ...where },
      next: 'Leave the field out in a MapDataset before packing, or make it a typed array of the length of inputIds.',
    },
  );
}
