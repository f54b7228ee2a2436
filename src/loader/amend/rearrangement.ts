import type { Dataset, IterableDataset } from '../../core/dataset.js';
import type { MixtureAmendments } from '../../datasets/mixture-options.js';
import type { SplitSequences } from '../../tokens/split-sequences.js';
import { isMixture } from './is-mixture.js';

/**
 * How an amended run takes samples from data that stays the same: the shares of a mixture, the length of sequences. A worker applies it to
 * the dataset that it has open.
 */
export interface Rearrangement {
  readonly mixture: MixtureAmendments | undefined;
  readonly sequences: Pick<SplitSequences<unknown>, 'whole' | 'changes'> | undefined;
}

type Split = SplitSequences<unknown>;
type Opened = Dataset<unknown> | IterableDataset<unknown>;

/** What turns the data of one dataset into another one; `undefined` if they do not read the same data. */
export function rearrangementOf(before: object, after: object): Rearrangement | undefined {
  const [old, now] = [dataOf(before), dataOf(after)];
  if (old.length !== now.length || old.some((data, k) => data !== now[k])) return undefined;
  const whole = wholeSequences(after);
  const { changes, whole: length } = after as Split;
  return {
    mixture: isMixture(whole) ? whole.amendments : undefined,
    sequences: whole === after ? undefined : { whole: length, changes },
  };
}

/** The data of a dataset in another arrangement. */
export async function rearranged(dataset: Opened, { mixture, sequences }: Rearrangement): Promise<Opened> {
  const whole = wholeSequences(dataset) as Dataset<unknown>;
  const arranged = mixture && isMixture(whole) ? whole.amended(whole.datasets, mixture) : whole;
  if (!sequences) return arranged;
  const { SplitSequences } = await import('../../tokens/split-sequences.js');
  return new SplitSequences(arranged, sequences.whole, sequences.changes);
}

/** The datasets that no amendment of weights or lengths replaces. */
function dataOf(source: object): readonly unknown[] {
  const whole = wholeSequences(source);
  return isMixture(whole) ? whole.datasets : [whole];
}

/** The dataset whose sequences are split. Does not name the class: a bundler would then load it with the worker program. */
function wholeSequences(source: object): object {
  return (source as Partial<Split>).cut === 'split' ? (source as Split).dataset : source;
}
