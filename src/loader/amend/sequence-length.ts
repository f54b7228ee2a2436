import type { Dataset } from '../../core/dataset.js';
import { SplitSequences } from '../../tokens/split-sequences.js';
import type { LoadedSource } from '../order/loader-order.js';
import { amendProblem } from './amendment.js';
import type { Change } from './amendments.js';

/**
 * The data with sequences of other lengths from some global steps on: each sample is split, so the order stays as it is and no token is
 * lost or repeated.
 *
 * @throws {@link ConfigError} if the sequences are not tokens of one length that the new length divides
 */
export function withSequenceLengths(
  source: LoadedSource,
  changes: readonly Change<'sequenceLength'>[],
): LoadedSource {
  if (changes.length === 0) return source;
  const whole = wholeLength(source);
  if (whole === undefined)
    throw amendProblem(
      'sequenceLength',
      'needs windows or packed rows of one length (TokenWindows, PackedDataset)',
    );
  const lengths = changes.map(({ value: [length] }) => length);
  for (const length of lengths) {
    if (length <= whole && whole % length === 0) continue;
    const message =
      `is ${length}, which does not divide the length of the sequences, ${whole}: some tokens would be lost. ` +
      'Make sequences of the longest length that the run will need, and begin with a shorter one';
    throw amendProblem('sequenceLength', message);
  }
  const steps = changes.map(({ at, value: [length] }) => ({ step: at, length }));
  return new SplitSequences(source as Dataset<unknown>, whole, steps);
}

/** The length of the sequences of all sources, if it is one. */
function wholeLength(source: LoadedSource): number | undefined {
  const { datasets, sequenceLength } = source as { datasets?: LoadedSource[]; sequenceLength?: number };
  if (!datasets) return sequenceLength;
  const lengths = new Set(datasets.map(wholeLength));
  return lengths.size === 1 ? [...lengths][0] : undefined;
}
