import type { Allocate } from '../core/dataset.js';
import { isTypedArray, subarrayOf } from '../core/dtype.js';
import { copyExactly } from '../core/exact-elements.js';
import { type FieldCollate, fieldCollates, type WithFieldCollates } from '../core/field-collates.js';
import type { Tensor } from '../core/tensor.js';
import { ignoredLabel } from './chat-labels.js';
import type { Elements } from './document.js';
import { noToken } from './no-token.js';
import { cumulativeLengths, longestSegment, type Segment, type SequenceLayout } from './sequence-layout.js';

/**
 * Tokens of one or more documents end to end, then padding, with what attention kernels and the loss need. `L` is the
 * length of the sequence; a batch of `B` has the shape `[B, L]` where a sample has `[L]`.
 */
export interface TokenSequence extends WithFieldCollates<'cuSeqlens' | 'maxSeqlen'> {
  /** Shape `[L]`. */
  readonly inputIds: Tensor<'int32'>;
  /**
   * Shape `[L]`: what the model predicts at each token. It is the next token of the same document; -100, which losses
   * ignore, at the end of a document and in padding. With `shift: false` it is the token itself, and -100 at the start of
   * a document and in padding: Hugging Face models shift labels themselves.
   */
  readonly labels: Tensor<'int32'>;
  /** Shape `[L]`: 1 where `labels` is not -100. */
  readonly lossMask: Tensor<'bool'>;
  /** Shape `[L]`: the token's position in its document, from 0; 0 in padding. */
  readonly positionIds: Tensor<'int32'>;
  /** Shape `[L]`: the document that the token belongs to, from 0 in each sequence; -1 in padding. Tokens attend within their document. */
  readonly documentIds: Tensor<'int32'>;
  /**
   * Shape `[S + 1]`: the start of each of `S` segments, then the end, for variable-length attention. A segment is a document, or
   * the padding of a sequence. A batch counts over all its `B · L` tokens.
   */
  readonly cuSeqlens: Tensor<'int32'>;
  /** Tokens of the longest segment. */
  readonly maxSeqlen: number;
}

/** Joins cumulative lengths: each sequence counts on from the end of the one before it. */
const joinOffsets: FieldCollate = (values: readonly Tensor<'int32'>[], allocate: Allocate) => {
  const count = values.reduce((sum, { data }) => sum + data.length - 1, 1);
  const joined = allocate('int32', [count]);
  joined.data[0] = 0;
  let at = 0;
  for (const { data } of values) {
    const end = joined.data[at]!;
    for (let k = 1; k < data.length; k++) joined.data[++at] = end + data[k]!;
  }
  return joined;
};

const longest: FieldCollate = (values: readonly number[]) => Math.max(...values);

const collates = {
  cuSeqlens: joinOffsets,
  maxSeqlen: longest,
};

/** Bytes that a token takes in a {@link TokenSequence}, beside `cuSeqlens`: four int32 and the mask. */
export const bytesPerToken = 4 * 4 + 1;

/** Where sequences are written, and what fills their ends. */
export interface SequenceMemory {
  readonly allocate: Allocate;
  /** `[L]` for one sequence, `[B, L]` for a batch. */
  readonly shape: readonly number[];
  readonly padToken: number;
}

/**
 * Allocates sequences and fills what follows from their layouts: everything but tokens, labels and mask of the segments.
 *
 * @param layouts - One for each sequence, all of one length.
 */
export function allocateSequences(
  layouts: readonly SequenceLayout[],
  { allocate, shape, padToken }: SequenceMemory,
): TokenSequence {
  const cumulative = cumulativeLengths(layouts);
  const cuSeqlens = allocate('int32', [cumulative.length]);
  cuSeqlens.data.set(cumulative);
  const sequence = {
    inputIds: allocate('int32', shape),
    labels: allocate('int32', shape),
    lossMask: allocate('bool', shape),
    positionIds: allocate('int32', shape),
    documentIds: allocate('int32', shape),
    cuSeqlens,
    maxSeqlen: longestSegment(layouts),
  };
  let at = 0;
  for (const { segments, length } of layouts) {
    const end = at + length;
    for (const segment of segments) {
      placeSegment(sequence, at, segment);
      at += segment.length;
    }
    sequence.inputIds.data.fill(padToken, at, end);
    sequence.labels.data.fill(ignoredLabel, at, end);
    sequence.lossMask.data.fill(0, at, end);
    sequence.positionIds.data.fill(0, at, end);
    sequence.documentIds.data.fill(-1, at, end);
    at = end;
  }
  return sequence;
}

function placeSegment(
  { positionIds, documentIds }: TokenSequence,
  at: number,
  { document, start, length }: Segment,
): void {
  documentIds.data.fill(document, at, at + length);
  positionIds.data.set(positions(start + length).subarray(start), at);
}

let counted = new Int32Array(0);

/** The positions `0 … count - 1`: copying them is several times as fast as counting. */
function positions(count: number): Int32Array {
  if (counted.length < count) {
    counted = new Int32Array(Math.max(count, 2 * counted.length));
    for (let k = 0; k < counted.length; k++) counted[k] = k;
  }
  return counted.subarray(0, count);
}

/** The sequence as a sample, which says how it forms a batch with others. */
export function sampleOf(sequence: TokenSequence): TokenSequence {
  return { ...sequence, [fieldCollates]: collates };
}

/** What a segment is filled with. */
export interface SegmentContent {
  /** The tokens of the segment, and the one after them if the segment has a next one. */
  readonly tokens: Elements;
  /** The label of each of these tokens itself; -100 outside of the loss. @defaultValue the tokens */
  readonly labels?: Elements | undefined;
  /** Names the document in an error: see `noToken`. */
  readonly where: (token: number) => Readonly<Record<string, number>>;
}

/** Writes the tokens of a segment, their labels and mask, from element `at` on. @throws {@link CollateError} for what int32 cannot hold */
export function writeSegment(
  { inputIds, labels, lossMask }: TokenSequence,
  at: number,
  { start, length, hasNext }: Segment,
  { content, shift }: { readonly content: SegmentContent; readonly shift: boolean },
): void {
  if (length === 0) return;
  const { tokens, labels: given, where } = content;
  const end = at + length;
  const copy = (from: Elements, { first, last }: Span, to: Tensor<'int32'>, place = at) =>
    copyExactly(range(from, first, last), to.data, 'int32', place, (token, k) =>
      noToken(token, where(start + first + k)),
    );
  copy(tokens, { first: 0, last: length }, inputIds);
  // The labels of a document without any are its tokens, which have been checked.
  if (!given) labels.data.set(inputIds.data.subarray(shift ? at + 1 : at, end), at);
  else if (shift) copy(given, { first: 1, last: length }, labels);
  else copy(given, { first: 0, last: length }, labels);
  if (shift && hasNext) copy(given ?? tokens, { first: length, last: length + 1 }, labels, end - 1);
  else if (shift) labels.data[end - 1] = ignoredLabel;
  else if (start === 0) labels.data[at] = ignoredLabel;
  if (given) {
    for (let k = at; k < end; k++) lossMask.data[k] = labels.data[k] === ignoredLabel ? 0 : 1;
  } else {
    lossMask.data.fill(1, at, end);
    if (shift && !hasNext) lossMask.data[end - 1] = 0;
    if (!shift && start === 0) lossMask.data[at] = 0;
  }
}

/** Tokens `first … last - 1` of a segment's content. */
interface Span {
  readonly first: number;
  readonly last: number;
}

function range(elements: Elements, start: number, end: number): Elements {
  if (start === 0 && end === elements.length) return elements;
  return isTypedArray(elements) ? subarrayOf(elements, start, end) : elements.slice(start, end);
}
