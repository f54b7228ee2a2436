import type { Allocate } from '../core/dataset.js';
import { copyElements, isTypedArray, subarrayOf, type TypedArray } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { propertyOf } from '../core/property-of.js';
import { setOwn } from '../core/record.js';
import { elementCount, isTensor, type Tensor, tensor } from '../core/tensor.js';

/** How sequences become shorter: `'truncate'` keeps the first tokens; `'split'` cuts as many pieces as fit. */
export type SequenceCut = 'truncate' | 'split';

/**
 * The shape of sequences after cutting: `[..., S, ...rest]` becomes `[..., L, ...rest]`, or with `'split'` `[..., k, L, ...rest]`
 * with `k = floor(S / L)`. A sequence that is not longer than `L` keeps its length.
 *
 * @param axis - The dimension of the sequence: 0 in a sample, 1 in a batch.
 */
function cutShape(shape: readonly number[], axis: number, length: number, cut: SequenceCut): number[] {
  const whole = shape[axis]!;
  const kept = Math.min(whole, length);
  const pieces = cut === 'split' ? [kept === 0 ? 1 : Math.floor(whole / kept)] : [];
  return [...shape.slice(0, axis), ...pieces, kept, ...shape.slice(axis + 1)];
}

/**
 * Cuts every sequence of a sample to `length` tokens: tensors and typed arrays, directly or as fields of a record. The
 * offsets of documents (`cuSeqlens`, `maxSeqlen`) follow; other values stay. Sequences become views.
 *
 * @throws {@link ShapeError} if the sequences of the sample differ in length, so that some of them are not sequences of tokens.
 */
export function cutSample(sample: unknown, length: number, cut: SequenceCut): unknown {
  const direct = asTensor(sample);
  if (direct) return cutSequence(sample, direct, length, cut);
  if (typeof sample !== 'object' || sample === null) return sample;
  return cutFields(sample, { length, cut, axis: 0 }, (value) => {
    const sequence = asTensor(value);
    return sequence && { shape: sequence.shape, made: () => cutSequence(value, sequence, length, cut) };
  });
}

/**
 * Cuts every sequence of a batch of whole tensors `[B, S, ...]`, directly or as fields of a record, into memory from `allocate`.
 *
 * @throws {@link ShapeError} as {@link cutSample}.
 */
export function cutBatch(batch: unknown, length: number, cut: SequenceCut, allocate: Allocate): unknown {
  if (isTensor(batch)) return copyCut(batch, length, cut, allocate);
  if (typeof batch !== 'object' || batch === null) return batch;
  return cutFields(batch, { length, cut, axis: 1 }, (value) =>
    isTensor(value) ? { shape: value.shape, made: () => copyCut(value, length, cut, allocate) } : undefined,
  );
}

interface Cut {
  readonly length: number;
  readonly cut: SequenceCut;
  /** The dimension of the tokens. */
  readonly axis: 0 | 1;
}

/** Cuts the fields of a record that are sequences, each by its own function. */
function cutFields(
  record: object,
  { length, cut, axis }: Cut,
  sequenceOf: (
    value: unknown,
  ) => { readonly shape: readonly number[]; readonly made: () => unknown } | undefined,
): object {
  let first: { readonly name: string; readonly shape: readonly number[] } | undefined;
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(record)) {
    const sequence = name === 'cuSeqlens' ? undefined : sequenceOf(value);
    if (!sequence || sequence.shape.length === 0) continue;
    first ??= { name, shape: sequence.shape };
    if (sequence.shape[axis] !== first.shape[axis]) throw unequal(name, sequence.shape, first, axis);
    setOwn(changed, name, sequence.made());
  }
  const cuSeqlens = propertyOf(record, 'cuSeqlens');
  const offsets = first && isTensor(cuSeqlens) && cutOffsets(cuSeqlens, first.shape, { length, cut, axis });
  // Spreading keeps how the fields of a sample form a batch.
  return { ...record, ...changed, ...offsets };
}

/** The offsets of segments after the cut, over all tokens of a sample or batch: pieces are segments of their own. */
function cutOffsets(
  { data }: Tensor,
  shape: readonly number[],
  { length, cut, axis }: Cut,
): { readonly cuSeqlens: Tensor<'int32'>; readonly maxSeqlen: number } {
  const rows = axis === 0 ? 1 : shape[0]!;
  const whole = shape[axis]!;
  const piece = Math.min(whole, length);
  const kept = cut === 'split' && piece > 0 ? Math.floor(whole / piece) * piece : piece;
  const starts = new Set<number>();
  for (let row = 0; row < rows; row++) for (let at = 0; at < kept; at += piece) starts.add(row * kept + at);
  for (const element of data) {
    const offset = Number(element);
    const row = Math.floor(offset / whole);
    if (row < rows && offset - row * whole < kept) starts.add(row * kept + offset - row * whole);
  }
  const offsets = Int32Array.from([...starts].sort((a, b) => a - b).concat(rows * kept));
  let maxSeqlen = 0;
  for (let k = 1; k < offsets.length; k++) maxSeqlen = Math.max(maxSeqlen, offsets[k]! - offsets[k - 1]!);
  return { cuSeqlens: { dtype: 'int32', shape: [offsets.length], data: offsets }, maxSeqlen };
}

/** A typed array stays one where it is truncated. */
function cutSequence(
  given: unknown,
  sequence: Tensor,
  length: number,
  cut: SequenceCut,
): Tensor | TypedArray {
  if (!isTensor(given) && cut === 'truncate') return subarrayOf(sequence.data, 0, length);
  const shape = cutShape(sequence.shape, 0, length, cut);
  return { dtype: sequence.dtype, shape, data: subarrayOf(sequence.data, 0, elementCount(shape)) };
}

function copyCut(batch: Tensor, length: number, cut: SequenceCut, allocate: Allocate): Tensor {
  const shape = cutShape(batch.shape, 1, length, cut);
  const out = allocate(batch.dtype, shape);
  const rows = batch.shape[0]!;
  const from = elementCount(batch.shape.slice(1));
  const to = elementCount(shape.slice(1));
  for (let row = 0; row < rows; row++)
    copyElements(subarrayOf(batch.data, row * from, row * from + to), out.data, row * to);
  return out;
}

function asTensor(value: unknown): Tensor | undefined {
  if (isTensor(value)) return value;
  return isTypedArray(value) ? tensor(value) : undefined;
}

function unequal(
  name: string,
  shape: readonly number[],
  first: { readonly name: string; readonly shape: readonly number[] },
  axis: 0 | 1,
): ShapeError {
  return new ShapeError(
    `${name} has ${shape[axis] ?? 'no'} tokens and ${first.name} has ${first.shape[axis]}: a length warm-up cuts all sequences of a sample alike`,
    {
      where: { field: name },
      next: 'Leave out the field with a MapDataset under the warm-up, or compute it from the shortened sequences.',
    },
  );
}
