import type { OpenedConfig } from '../../config/index.js';
import { isMapDataset } from '../../core/dataset.js';
import type { BatchSampler, Sampler } from '../../core/sampler.js';
import { DeepSpeedDataSampler } from '../../deepspeed/index.js';
import { DataLoader } from '../../loader/index.js';
import { DistributedSampler } from '../../samplers/index.js';
import { type Finding, some } from '../plan/findings.js';
import type { RunOrder } from '../plan/run-order.js';

/** Indices that are enough to tell two orders apart. */
const compared = 4_096;

/** A random order that does not hear of epochs, and so is the same in each. */
export async function forgottenEpoch(
  { sampler, dataset }: OpenedConfig,
  order: RunOrder,
): Promise<Finding | undefined> {
  // The one pass of a DeepSpeed curriculum has all epochs, and a mixture has other samples in each.
  if (sampler instanceof DeepSpeedDataSampler || (isMapDataset(dataset) && dataset.variesByEpoch))
    return undefined;
  const [first, second] = [await beginning(order, 0), await beginning(order, 1)];
  const ascends = first.every((index, i) => i === 0 || index >= first[i - 1]!);
  if (ascends || first.length !== second.length || first.some((index, i) => index !== second[i]))
    return undefined;
  const name = sampler?.constructor.name ?? 'The sampler';
  return {
    name: 'forgotten-epoch',
    what: `${name} gives the same order in every epoch.`,
    why: 'Batches of the same samples come again and again: the gradients of an epoch are less independent than with a new order.',
    fix: 'Give the sampler setEpoch(epoch), which the loader calls; of a DeepSpeed configuration, leave out parity.',
  };
}

async function beginning(order: RunOrder, epoch: number): Promise<number[]> {
  const indices: number[] = [];
  for await (const batch of order.globalBatches(epoch, 0)) {
    indices.push(...batch);
    if (indices.length >= compared) break;
  }
  return indices.slice(0, compared);
}

/** A stage that cannot begin at a place, so that resuming goes through all that came before it. */
export function nonSeekable({ dataset, loader, sampler }: OpenedConfig): Finding | undefined {
  const fix = (what: string) => `${what}; docs/guarantees.md shows how.`;
  if (!isMapDataset(dataset)) {
    if ((dataset as { seekable?: boolean }).seekable === true) return undefined;
    return {
      name: 'non-seekable',
      what: `${dataset.constructor.name} is a stream without a state of its own.`,
      why: 'A run that resumes reads everything again up to the place where it stopped.',
      fix: fix('Have iterate() give a stream with stateDict(), and declare seekable: true'),
    };
  }
  const batches: BatchSampler | Sampler | undefined =
    loader instanceof DataLoader ? loader.batchSampler : loader.dataSampler;
  if (!batches || batches.seek || batches.stateDict) return undefined;
  return {
    name: 'non-seekable',
    what: `${sampler?.constructor.name ?? 'The sampler'} can neither seek nor save a state.`,
    why: 'A run that resumes draws and drops every index up to the place where it stopped.',
    fix: fix('Give it seek(position), or stateDict() and loadStateDict(state)'),
  };
}

/** A loader that does not know that it is one of several. */
export function notShared({ kind, launch, loader, sampler }: OpenedConfig): Finding | undefined {
  if (kind !== 'loader' || launch.worldSize === 1 || !(loader instanceof DataLoader)) return undefined;
  if (loader.options.worldSize > 1 || sampler instanceof DistributedSampler) return undefined;
  return {
    name: 'not-shared',
    what: `${some(launch.worldSize, 'process', 'processes')} run, and the loader of each gives every batch whole.`,
    why: 'All of them train on the same samples: the run is as slow as with one.',
    fix: 'Pass rank and worldSize to the loader: const { rank, worldSize } = detectRank().',
  };
}
