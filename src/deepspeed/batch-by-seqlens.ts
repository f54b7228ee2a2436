import * as v from 'valibot';
import type { IndexArray } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { propertyOf } from '../core/property-of.js';
import { PythonRandom } from '../random/index.js';

/** Order of the sequences: as given, shuffled, or from short to long. */
export type SequencePickingOrder = 'dataloader' | 'random' | 'seqlen';

export interface BatchBySeqlensOptions {
  /** Maximum tokens per micro-batch, without padding. Longer sequences are dropped. */
  readonly maxTokens: number;
  /** Sequences to use, in this order; one may occur several times. @defaultValue all */
  readonly sequenceIds?: IndexArray;
  /** Minimum sequences per micro-batch; 0 for no limit. @defaultValue `1` */
  readonly minBatchSize?: number;
  /** Maximum sequences per micro-batch, or `null` for no limit. @defaultValue `null` */
  readonly maxBatchSize?: number | null;
  /** @defaultValue `'dataloader'` */
  readonly sequencePickingOrder?: SequencePickingOrder;
  /** Micro-batches per batch: ranks times gradient accumulation steps. @defaultValue `1` */
  readonly effectiveBatchSize?: number;
  /**
   * Whether all micro-batches of a batch get the same number of sequences, as a pipeline requires. @defaultValue
   * `false`
   */
  readonly requiredMicrobatchesOfSameSize?: boolean;
  /** Seed of the order `'random'`, as Python's `random.Random(seed)`. @defaultValue `1234` */
  readonly seed?: number;
  /**
   * Whether to reproduce DeepSpeed's defects: the last sequences are never used, and packing ends where nothing fits.
   * @defaultValue `false`
   */
  readonly parity?: boolean;
}

/** Sequences packed into micro-batches, and these into batches. */
export interface SeqlenBatches {
  /** For each micro-batch, the number of its batch, and its sequences. */
  readonly microbatchIds: readonly (readonly [batch: number, ids: readonly number[]])[];
  /** Number of sequences of each batch. */
  readonly batchSizes: readonly number[];
  /** Length of the longest sequence of each batch. */
  readonly batchMaxSeqlens: readonly number[];
  /** Sequences that are in no batch: too long, at a position where nothing fits, or after the last full batch. */
  readonly leftOut: readonly number[];
}

const schema = v.strictObject({
  maxTokens: integerFrom(1),
  sequenceIds: v.optional(v.custom<IndexArray>((ids) => typeof propertyOf(ids, 'length') === 'number')),
  minBatchSize: v.optional(integerFrom(0), 1),
  maxBatchSize: v.optional(v.nullable(integerFrom(0)), null),
  sequencePickingOrder: v.optional(
    v.picklist(['dataloader', 'random', 'seqlen'], `must be 'dataloader', 'random' or 'seqlen'`),
    'dataloader',
  ),
  effectiveBatchSize: v.optional(integerFrom(1), 1),
  requiredMicrobatchesOfSameSize: v.optional(booleanOption, false),
  seed: v.optional(integerFrom(0), 1234),
  parity: v.optional(booleanOption, false),
});

type Options = v.InferOutput<typeof schema>;

interface Sequence {
  readonly id: number;
  readonly length: number;
}

/**
 * Packs sequences into batches of a bounded number of tokens, next fit. DeepSpeed's `batch_by_seqlens`.
 *
 * @param seqlens - Length of each sequence, in tokens; 0 or more.
 * @throws {@link ConfigError} for an unknown or invalid option, or if the sequences do not fill one batch.
 * @remarks O(n) in the number of sequences, O(n log n) with the order `'seqlen'`. DeepSpeed's is cubic.
 */
export function batchBySeqlens(seqlens: IndexArray, options: BatchBySeqlensOptions): SeqlenBatches {
  const checked = parseOptions('batchBySeqlens options', schema, options);
  const sequences = pick(seqlens, checked);
  const fitting = sequences.filter(({ length }) => length <= checked.maxTokens);
  const microBatches = pack(fitting, checked);
  const { effectiveBatchSize } = checked;
  const count = microBatches.length - (microBatches.length % effectiveBatchSize);
  if (count === 0) throw notEnough(microBatches.length, effectiveBatchSize);
  return group(microBatches.slice(0, count), sequences, effectiveBatchSize);
}

function pick(seqlens: IndexArray, { sequenceIds, sequencePickingOrder, seed }: Options): Sequence[] {
  const ids = Array.from(sequenceIds ?? seqlens, (id, position) => (sequenceIds ? id : position));
  const sequences = ids.map((id) => ({ id, length: lengthOfSequence(seqlens, id) }));
  if (sequencePickingOrder === 'random') new PythonRandom(seed).shuffle(sequences);
  if (sequencePickingOrder === 'seqlen') sequences.sort((a, b) => a.length - b.length || a.id - b.id);
  return sequences;
}

function lengthOfSequence(seqlens: IndexArray, id: number): number {
  const length = seqlens[id];
  if (length !== undefined && length >= 0) return length;
  const message =
    length === undefined ? `there is no sequence ${id}` : `sequence ${id} has the length ${length}`;
  throw new ConfigError('batchBySeqlens', [
    { field: length === undefined ? 'sequenceIds' : 'seqlens', message },
  ]);
}

/** Takes the longest run that fits from each position on; runs for `together` micro-batches at once. */
function pack(sequences: readonly Sequence[], options: Options): Sequence[][] {
  const together = options.requiredMicrobatchesOfSameSize ? options.effectiveBatchSize : 1;
  const microBatches: Sequence[][] = [];
  for (let start = 0; start < sequences.length; ) {
    const end = endOfLongestRun(sequences, start, together, options);
    if (end > start) {
      for (let offset = 0; offset < together; offset++) {
        microBatches.push(everyNth(sequences, start + offset, end, together));
      }
      start = end;
    } else {
      if (options.parity) break;
      start += 1;
    }
  }
  return microBatches;
}

/**
 * The largest `end` such that the run, distributed over `together` micro-batches, is valid; `start` if there is none.
 */
function endOfLongestRun(
  sequences: readonly Sequence[],
  start: number,
  together: number,
  { maxTokens, minBatchSize, maxBatchSize, parity }: Options,
): number {
  const tokens = new Float64Array(together);
  const lastEnd = parity ? sequences.length - 1 : sequences.length;
  const mostSequences = maxBatchSize || Number.POSITIVE_INFINITY;
  let longest = start;
  // Lengths are never negative, so a run that has become too long stays too long.
  for (
    let end = start + together, count = 1;
    end <= lastEnd && count <= mostSequences;
    end += together, count++
  ) {
    for (let offset = 0; offset < together; offset++) {
      tokens[offset]! += sequences[end - together + offset]!.length;
    }
    if (tokens.some((sum) => sum > maxTokens)) break;
    if (count >= minBatchSize) longest = end;
  }
  return longest;
}

function everyNth(sequences: readonly Sequence[], start: number, end: number, step: number): Sequence[] {
  const picked: Sequence[] = [];
  for (let position = start; position < end; position += step) picked.push(sequences[position]!);
  return picked;
}

function group(
  microBatches: readonly (readonly Sequence[])[],
  all: readonly Sequence[],
  perBatch: number,
): SeqlenBatches {
  const batchSizes = new Array<number>(microBatches.length / perBatch).fill(0);
  const batchMaxSeqlens = [...batchSizes];
  const microbatchIds = microBatches.map((sequences, position) => {
    const batch = Math.floor(position / perBatch);
    batchSizes[batch]! += sequences.length;
    for (const { length } of sequences) batchMaxSeqlens[batch] = Math.max(batchMaxSeqlens[batch]!, length);
    return [batch, sequences.map(({ id }) => id)] as const;
  });
  const used = new Set(microBatches.flat());
  const leftOut = all.filter((sequence) => !used.has(sequence)).map(({ id }) => id);
  return { microbatchIds, batchSizes, batchMaxSeqlens, leftOut };
}

function notEnough(found: number, needed: number): ConfigError {
  return new ConfigError(
    'batchBySeqlens',
    [
      {
        field: 'effectiveBatchSize',
        message: `needs ${needed} micro-batches, and the sequences fill ${found}`,
      },
    ],
    { next: 'Pass more sequences, a larger maxTokens, or a smaller effectiveBatchSize or minBatchSize.' },
  );
}
