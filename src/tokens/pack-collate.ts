import * as v from 'valibot';
import type { CollateContext } from '../core/collate.js';
import { CollateError } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { propertyOf } from '../core/property-of.js';
import { isTensor, zeroTensor } from '../core/tensor.js';
import { type LabeledTokens, type PackedFields, partsOf, type Tokens } from './document.js';
import { SequenceFields } from './sequence-fields.js';
import { layoutOf } from './sequence-layout.js';
import { allocateSequences, type TokenSequence, writeSegment } from './token-sequence.js';

export interface PackCollateOptions {
  /** The number of tokens is rounded up to a multiple of it with padding. @defaultValue `1` */
  readonly multipleOf?: number;
  /** The pad token. @defaultValue `0` */
  readonly padToken?: number;
  /** Whether `labels` are those of the next token; see {@link TokenSequence}. @defaultValue `true` */
  readonly shift?: boolean;
}

const schema = v.strictObject({
  multipleOf: v.optional(integerFrom(1), 1),
  padToken: v.optional(v.pipe(v.number('must be a number'), v.safeInteger('must be a token id')), 0),
  shift: v.optional(booleanOption, true),
});

type Samples = readonly (Tokens | LabeledTokens)[];

/** A collate that concatenates; it says how to make it again in a worker. */
export interface PackCollate {
  <D extends Tokens | LabeledTokens>(
    samples: readonly D[],
    context?: Partial<CollateContext>,
  ): TokenSequence & PackedFields<D>;
  readonly packOptions: PackCollateOptions;
}

/**
 * Concatenates the samples of a batch, into a {@link TokenSequence} of shape `[N]` in which each sample is a document: lists of
 * tokens, or samples with `inputIds`, `labels` and other fields of one value per token. Use it as the collate function for a
 * `TokenBudgetSampler` with `method: 'packing'`. `packCollate({ multipleOf: 64 })` makes one that pads at the end.
 *
 * @throws {@link CollateError} naming the sample that is not a list of whole numbers, or has other fields than the first.
 */
export function packCollate(options: PackCollateOptions): PackCollate;
export function packCollate<D extends Tokens | LabeledTokens>(
  samples: readonly D[],
  context?: Partial<CollateContext>,
): TokenSequence & PackedFields<D>;
export function packCollate(
  given: PackCollateOptions | Samples,
  context: Partial<CollateContext> = {},
): unknown {
  if (Array.isArray(given)) return pack(given, context, {});
  const options = parseOptions('packCollate options', schema, given);
  const collate = (samples: Samples, inside: Partial<CollateContext> = {}) => pack(samples, inside, options);
  return Object.assign(collate, { packOptions: options });
}

// A worker makes the collate again from its options. A collate without options has none.
Object.defineProperty(packCollate, 'packOptions', { value: {} });

function pack(
  samples: Samples,
  { allocate = zeroTensor }: Partial<CollateContext>,
  { multipleOf = 1, padToken = 0, shift = true }: PackCollateOptions,
): TokenSequence {
  const parts = samples.map((sample, place) => partsOf(checked(sample, place), { sample: place }));
  const lengths = parts.map(({ tokens }) => tokens.length);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const layout = layoutOf(lengths, { length: Math.ceil(tokens / multipleOf) * multipleOf });
  const shape = [layout.length];
  const sequence = allocateSequences([layout], { allocate, shape, padToken });
  const fields = new SequenceFields(allocate, shape, shift);
  let at = 0;
  for (const segment of layout.segments) {
    const { document: sample } = segment;
    const { fields: others, ...content } = parts[sample]!;
    const where = (token: number) => ({ sample, token });
    writeSegment(sequence, at, segment, { content: { ...content, where }, shift });
    fields.write(at, segment, others, { sample });
    at += segment.length;
  }
  return { ...sequence, ...fields.tensors };
}

function checked(sample: unknown, place: number): Tokens | LabeledTokens {
  const tokens = propertyOf(sample, 'inputIds') ?? sample;
  const isList = isTensor(tokens)
    ? tokens.shape.length === 1
    : ArrayBuffer.isView(tokens) || Array.isArray(tokens);
  if (isList) return sample as Tokens;
  throw new CollateError('A batch of tokens has a sample that is not a list of tokens', {
    where: { sample: place, shape: isTensor(tokens) ? `[${tokens.shape}]` : typeof tokens },
    next: 'packCollate takes one-dimensional tensors, typed arrays or arrays of token ids, or samples with such inputIds.',
  });
}
