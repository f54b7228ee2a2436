import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { holds } from '../core/exact-elements.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { propertyOf } from '../core/property-of.js';
import type { TokenDocuments } from './document.js';
import { checkSlice, type SequenceSlice, sequenceSliceSchema } from './sequence-slice.js';

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
  /** Whether `labels` are those of the next token; see {@link TokenSequence}. @defaultValue `true` */
  readonly shift?: boolean;
  /**
   * Makes only this context-parallel rank's part of every row, and reads no other if the documents can be read in parts. Rows are
   * padded to a length that `2 · worldSize` divides. @defaultValue whole rows
   */
  readonly sequenceSlice?: SequenceSlice;
}

const schema = v.strictObject({
  rowLength: integerFrom(1),
  lengths: v.optional(
    v.custom<ArrayLike<number>>(
      (value) => typeof propertyOf(value, 'length') === 'number',
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
  shift: v.optional(booleanOption, true),
  sequenceSlice: v.optional(sequenceSliceSchema),
});

/** Options of a packed dataset, checked, with the lengths of the documents and their sum. */
export type ResolvedPacked = v.InferOutput<typeof schema> & {
  readonly lengths: ArrayLike<number>;
  readonly tokenCount: number;
};

/** Checks the options of a packed dataset. @throws {@link ConfigError} naming the option, or the document with a wrong length. */
export function resolvePacked(documents: TokenDocuments, options: PackedDatasetOptions): ResolvedPacked {
  const resolved = parseOptions('PackedDataset options', schema, options);
  if (documents.shiftsLabels) throw shiftedTwice();
  checkSlice('PackedDataset options', resolved.sequenceSlice, resolved.shift);
  const lengths = lengthsOf(documents, resolved.lengths);
  return { ...resolved, lengths, tokenCount: checkedSum(lengths) };
}

function shiftedTwice(): ConfigError {
  return new ConfigError('PackedDataset', [
    {
      field: 'documents',
      message:
        'have labels of the next token already, and packing shifts them itself; leave out shift: true in chatDataset',
    },
  ]);
}

function lengthsOf(documents: TokenDocuments, given: ArrayLike<number> | undefined): ArrayLike<number> {
  const known = given ?? documents.sizes;
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
