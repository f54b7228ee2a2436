import type { Dataset } from '../../core/dataset.js';
import { LengthWarmup } from '../../tokens/length-warmup.js';
import type { LoadedSource } from '../order/loader-order.js';
import { amendProblem } from './amendment.js';
import type { Change } from './amendments.js';

/**
 * The data with sequences of other lengths from some global steps on: each sample is split, so the order stays as it is and no token is
 * lost or repeated.
 *
 * @throws {@link ConfigError} if the sequences are not tokens of one length that the new length divides
 */
export function withSequenceLengths(source: LoadedSource, changes: readonly Change[]): LoadedSource {
  if (changes.length === 0) return source;
  const whole = wholeLength(source);
  if (whole === undefined)
    throw amendProblem(
      'sequenceLength',
      'needs windows or packed rows of one length (TokenWindows, PackedDataset)',
    );
  const lengths = changes.map(({ value }) => value[0] as number);
  for (const length of lengths) {
    if (length <= whole && whole % length === 0) continue;
    const message =
      `is ${length}, which does not divide the length of the sequences, ${whole}: some tokens would be lost. ` +
      'Make sequences of the longest length that the run will need, and begin with a shorter one';
    throw amendProblem('sequenceLength', message);
  }
  const starts = changes.map(({ at }) => at);
  const startsWhole = starts[0]! > 0;
  const options = {
    minLength: Math.min(...lengths, whole),
    maxLength: whole,
    cut: 'split',
    keepsWhole: true,
    schedule: {
      type: 'discrete',
      difficulties: [...(startsWhole ? [whole] : []), ...lengths, lengths.at(-1)!],
      // Steps of a schedule count from 1: a length lasts to the step before the next one.
      lastSteps: [...(startsWhole ? starts : starts.slice(1)), starts.at(-1)! + 1],
    },
  } as const;
  return new LengthWarmup(source as Dataset<unknown>, options);
}

/** The length of the sequences of all sources, if it is one. */
function wholeLength(source: LoadedSource): number | undefined {
  const { datasets, sequenceLength } = source as { datasets?: LoadedSource[]; sequenceLength?: number };
  if (!datasets) return sequenceLength;
  const lengths = new Set(datasets.map(wholeLength));
  return lengths.size === 1 ? [...lengths][0] : undefined;
}
