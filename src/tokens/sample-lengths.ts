import { firstAbove } from '../core/first-above.js';
import { ConcatDataset } from '../datasets/concat-dataset.js';
import { MapDataset } from '../datasets/map-dataset.js';
import { MixtureDataset } from '../datasets/mixture-dataset.js';
import { Subset } from '../datasets/subset.js';
import { LengthWarmup } from './length-warmup.js';
import { PackedDataset } from './packed-dataset.js';
import { TokenWindows } from './token-windows.js';

/** Tokens of a sample, by index and epoch; at a global step of the run, if one is given. */
export type SampleLength = (index: number, epoch: number, globalStep?: number) => number;

/**
 * Returns the number of tokens of each sample of a dataset, if it is known without reading samples: for datasets with
 * `sizes` (`IndexedDataset`), windows, packed rows, length warm-ups, and combinations of these. A `MapDataset` may change the length of
 * samples, so its lengths are unknown.
 *
 * @param known - The lengths that a dataset itself knows, by index.
 * @returns `undefined` if the lengths are unknown. Each call of the result is O(1), or O(log parts).
 */
export function sampleLengths(dataset: unknown, known = sizesOf): SampleLength | undefined {
  if (dataset instanceof TokenWindows) return () => dataset.windowLength;
  if (dataset instanceof PackedDataset) return () => dataset.rowLength;
  if (dataset instanceof LengthWarmup) return warmedUp(dataset, known);
  if (dataset instanceof MapDataset) return undefined;
  if (dataset instanceof Subset) {
    const parent = sampleLengths(dataset.dataset, known);
    return parent && ((index, epoch, step) => parent(dataset.indices[index]!, epoch, step));
  }
  if (dataset instanceof ConcatDataset) return concatenated(dataset, known);
  if (dataset instanceof MixtureDataset) return mixed(dataset, known);
  const sizes = known(dataset);
  return sizes && ((index) => sizes[index]!);
}

type KnownLengths = (dataset: unknown) => ArrayLike<number> | undefined;

const sizesOf: KnownLengths = (dataset) =>
  ((dataset ?? {}) as { readonly sizes?: ArrayLike<number> | undefined }).sizes;

function warmedUp(dataset: LengthWarmup<unknown>, known: KnownLengths): SampleLength | undefined {
  const parent = sampleLengths(dataset.dataset, known);
  if (!parent) return undefined;
  return (index, epoch, globalStep) => {
    const whole = parent(index, epoch, globalStep);
    const kept = Math.min(whole, globalStep === undefined ? dataset.maxLength : dataset.lengthAt(globalStep));
    return dataset.cut === 'truncate' || kept === 0 ? kept : Math.floor(whole / kept) * kept;
  };
}

function concatenated(
  { datasets, ends }: ConcatDataset<unknown>,
  known: KnownLengths,
): SampleLength | undefined {
  const parts = datasets.map((part) => sampleLengths(part, known));
  if (!parts.every((part) => part !== undefined)) return undefined;
  return (index, epoch, step) => {
    const k = firstAbove(ends, index);
    return parts[k]!(index - (ends[k - 1] ?? 0), epoch, step);
  };
}

function mixed(mixture: MixtureDataset<unknown>, known: KnownLengths): SampleLength | undefined {
  const sources = mixture.datasets.map((source) => sampleLengths(source, known));
  if (!sources.every((source) => source !== undefined)) return undefined;
  return (index, epoch, step) => {
    const origin = mixture.originOf(index, epoch);
    return sources[origin.source]!(origin.index, origin.epoch, step);
  };
}
