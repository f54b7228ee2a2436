import { batchOfSequences, type SequenceBatch } from './sequence-batch.js';
import type { TokenSequence } from './sequences.js';

/** Sequences to train on, and batches to validate on. */
export interface HeldOutSplit {
  readonly training: readonly TokenSequence[];
  readonly validation: readonly SequenceBatch[];
}

/** How much is held out. */
export interface HeldOutOptions {
  /** One document in so many is held out whole: what stands in one file is alike. */
  readonly documentsPerHeldOut: number;
  /** Validation sequences, spread evenly over the documents held out. */
  readonly sequences: number;
  readonly batchSize: number;
}

/**
 * Holds out whole documents for validation. A corpus of fewer documents holds out every so many-th sequence instead.
 *
 * @returns Validation batches sorted by length, which pads least. The same for the same sequences.
 */
export function holdOut(sequences: readonly TokenSequence[], options: HeldOutOptions): HeldOutSplit {
  const { documentsPerHeldOut: every } = options;
  const documents = new Set(sequences.map(({ document }) => document)).size;
  const isHeldOut = (sequence: TokenSequence, index: number): boolean =>
    (documents >= 2 * every ? sequence.document : index) % every === every - 1;
  const heldOut = sequences.filter(isHeldOut);
  const chosen = spread(heldOut, options.sequences).sort((a, b) => a.tokens.length - b.tokens.length);
  const validation: SequenceBatch[] = [];
  for (let start = 0; start < chosen.length; start += options.batchSize) {
    const batch = chosen.slice(start, start + options.batchSize);
    validation.push(batchOfSequences(batch.map(({ tokens }) => tokens)));
  }
  return { training: sequences.filter((sequence, index) => !isHeldOut(sequence, index)), validation };
}

function spread<T>(elements: readonly T[], limit: number): T[] {
  const count = Math.min(limit, elements.length);
  return Array.from({ length: count }, (_, i) => elements[Math.floor((i * elements.length) / count)]!);
}
