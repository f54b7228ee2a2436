import type { OpenedConfig } from '../../config/index.js';
import { isMapDataset } from '../../core/dataset.js';
import { propertyOf } from '../../core/property-of.js';
import type { BatchSampler, Sampler } from '../../core/sampler.js';
import { DeepSpeedDataSampler } from '../../deepspeed/index.js';
import { DataLoader } from '../../loader/index.js';
import { DistributedSampler } from '../../samplers/index.js';
import { type Finding, some } from '../plan/findings.js';
import type { RunOrder } from '../plan/run-order.js';

/** Number of indices that distinguish two orders. */
const compared = 4_096;

/** Finds a random order that ignores the epoch and therefore repeats. */
export async function forgottenEpoch(
  { sampler, dataset }: OpenedConfig,
  order: RunOrder,
): Promise<Finding | undefined> {
  // A DeepSpeed curriculum covers all epochs in one pass, and a mixture draws other samples in each epoch.
  if (sampler instanceof DeepSpeedDataSampler || (isMapDataset(dataset) && dataset.variesByEpoch))
    return undefined;
  const [first, second] = [await beginning(order, 0), await beginning(order, 1)];
  const ascends = first.every((index, i) => i === 0 || index >= first[i - 1]!);
  if (ascends || first.length !== second.length || first.some((index, i) => index !== second[i]))
    return undefined;
  const name = sampler?.constructor.name ?? 'The sampler';
  return {
    name: 'forgotten-epoch',
    what: `${name} has the same order in every epoch.`,
    why: 'Every epoch repeats the same batches, so gradients are less independent than with a new order.',
    fix: 'Implement setEpoch(epoch) in the sampler; the loader calls it. For a DeepSpeed configuration, remove parity.',
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

/** Finds a stage that cannot seek, so that resuming reads everything before the position. */
export function nonSeekable({ dataset, loader, sampler }: OpenedConfig): Finding | undefined {
  const fix = (what: string) => `${what}; docs/guarantees.md shows how.`;
  if (!isMapDataset(dataset)) {
    if (propertyOf(dataset, 'seekable') === true) return undefined;
    return {
      name: 'non-seekable',
      what: `${dataset.constructor.name} is a stream without a state of its own.`,
      why: 'A resumed run reads everything again up to the position where it stopped.',
      fix: fix('Let iterate() return a stream with stateDict(), and declare seekable: true'),
    };
  }
  const batches: BatchSampler | Sampler | undefined =
    loader instanceof DataLoader ? loader.batchSampler : loader.dataSampler;
  if (!batches || batches.seek || batches.stateDict) return undefined;
  return {
    name: 'non-seekable',
    what: `${sampler?.constructor.name ?? 'The sampler'} can neither seek nor save a state.`,
    why: 'A resumed run draws and drops every index up to the position where it stopped.',
    fix: fix('Implement seek(position), or stateDict() and loadStateDict(state)'),
  };
}

/** Finds a loader without the rank and world size of its launcher. */
export function notShared({ kind, launch, loader, sampler }: OpenedConfig): Finding | undefined {
  if (kind !== 'loader' || launch.worldSize === 1 || !(loader instanceof DataLoader)) return undefined;
  if (loader.options.worldSize > 1 || sampler instanceof DistributedSampler) return undefined;
  return {
    name: 'not-shared',
    what: `${some(launch.worldSize, 'process', 'processes')} run, and the loader of each yields whole global batches.`,
    why: 'All processes train on the same samples, so the run is no faster than one process.',
    fix: 'Pass rank and worldSize to the loader: const { rank, worldSize } = detectRank().',
  };
}
