import type { OpenedConfig } from '../../config/index.js';
import { MixtureDataset } from '../../datasets/index.js';
import { describeLeftOut, findData } from '../../formats/find/find-data.js';
import { DataLoader } from '../../loader/index.js';
import { isRemote } from '../../storage/url-scheme.js';
import { PackedDataset } from '../../tokens/packed-dataset.js';
import { TokenBudgetSampler } from '../../tokens/token-budget-sampler.js';
import { TokenWindows } from '../../tokens/token-windows.js';
import { formatBytes, formatCount, formatShare } from '../../web/kit/numbers.js';
import { type Finding, some } from '../plan/findings.js';
import { fileSizes } from '../plan/memory.js';
import type { RunPlan } from '../plan/run-plan.js';

/** Number of files, and mean size in bytes, from which opening dominates reading. */
const manyFiles = 1_000;
const tinyBytes = 256_000;
/** Share of padding from which packing is worth suggesting. */
const muchPadding = 0.3;

/** Finds many small files, where opening costs more than reading. */
export async function tinyFiles(names: readonly string[]): Promise<Finding | undefined> {
  const sizes: number[] = [];
  for (const name of names) if (!isRemote(name)) sizes.push(...(await fileSizes(name)));
  const mean = sizes.reduce((sum, size) => sum + size, 0) / Math.max(1, sizes.length);
  if (sizes.length < manyFiles || mean >= tinyBytes) return undefined;
  return {
    name: 'tiny-files',
    what: `The data consists of ${formatCount(sizes.length)} files of ${formatBytes(mean)} on average.`,
    why: 'On a disk, and even more over a network, opening such a file takes longer than reading it.',
    fix: "Join them into shards of at least 64 MB (WebDataset, Parquet), and shuffle the shards (shuffle: 'shards').",
  };
}

/** Finds files that the folders and patterns of the data leave out. */
export async function leftOutFiles(names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names) {
    // If the configuration names the format, detection without it may fail.
    const { leftOut } = (await findData(name).catch(() => undefined)) ?? { leftOut: [] };
    if (leftOut.length > 0) found.push(`${name}: ${describeLeftOut(leftOut)}`);
  }
  return found;
}

/** Finds batches whose samples differ so much in length that padding dominates. */
export function skewedLengths({ epoch }: RunPlan, { sampler, dataset }: OpenedConfig): Finding | undefined {
  const { tokens } = epoch;
  if (!tokens || sampler instanceof TokenBudgetSampler || isEven(dataset)) return undefined;
  const padding = 1 - tokens.total / tokens.padded;
  if (padding < muchPadding) return undefined;
  return {
    name: 'skewed-lengths',
    what: `Samples differ so much in length that, padded to their longest sample, batches would be ${formatShare(padding)} padding.`,
    why: 'Padding costs the accelerator as much as tokens.',
    fix: 'Batch samples of similar length (tokenBudget), or pack documents into rows (packing).',
  };
}

/** Finds samples of different lengths, which the default collate cannot stack. */
export function raggedSamples({ epoch }: RunPlan, { loader, dataset }: OpenedConfig): Finding | undefined {
  const { tokens } = epoch;
  if (!tokens || isEven(dataset) || tokens.total === tokens.padded || !(loader instanceof DataLoader))
    return undefined;
  if (loader.options.collate !== undefined || loader.options.transform !== undefined) return undefined;
  return {
    name: 'ragged-samples',
    what: `Samples of a batch have different lengths, and the loader stacks them (${some(epoch.steps, 'step')} examined).`,
    why: 'Only samples of one shape can be stacked: the first batch will fail with a CollateError.',
    fix: 'Pass collate: padCollate(), cut the tokens into windows, or pack them into rows (packing).',
  };
}

/** Whether all samples have the same length. */
function isEven(dataset: unknown): boolean {
  if (dataset instanceof MixtureDataset) return dataset.datasets.every(isEven);
  return dataset instanceof TokenWindows || dataset instanceof PackedDataset;
}
