import { batchOfSequences, type SequenceBatch } from './sequence-batch.js';
import type { TokenSequence } from './sequences.js';

/** Training sequences and validation batches. */
export interface HeldOutSplit {
  readonly training: readonly TokenSequence[];
  readonly validation: readonly SequenceBatch[];
}

/** Size of the validation set. */
export interface HeldOutOptions {
  /** Every nth document is held out as a whole, because sequences of one file resemble each other. */
  readonly documentsPerHeldOut: number;
  /** Number of validation sequences, spread evenly over the held-out documents. */
  readonly sequences: number;
  readonly batchSize: number;
}

/**
 * Holds out whole documents for validation. If the corpus has fewer than 2n documents, holds out every nth sequence instead.
 *
 * @returns The split. Validation batches are sorted by length, which minimizes padding.
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
