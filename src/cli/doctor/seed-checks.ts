import type { OpenedConfig } from '../../config/index.js';
import { DataLoader } from '../../loader/index.js';
import { DistributedSampler } from '../../samplers/index.js';
import type { Finding } from '../plan/findings.js';
import type { OpenForRank } from '../plan/open-run.js';

/** Finds ranks with different orders, whose batches therefore overlap. */
export async function seedsDiffer(
  opened: OpenedConfig,
  openForRank: OpenForRank,
): Promise<Finding | undefined> {
  if (!opened.variesByRank || opened.kind === 'deepspeed') return undefined;
  const worldSize = Math.max(2, opened.launch.worldSize);
  const states: ReturnType<DataLoader<unknown>['stateDict']>[] = [];
  for (const rank of [0, 1]) {
    const other = await openForRank(rank, worldSize);
    if (other.loader instanceof DataLoader) states.push(other.loader.stateDict());
    await other.close();
  }
  const [first, second] = states;
  if (!first || !second) return undefined;
  const field = (['seed', 'sampler', 'dataset', 'batchSize'] as const).find(
    (name) => first[name] !== second[name],
  );
  if (!field) return undefined;
  return {
    name: 'seeds-differ',
    what: `Ranks disagree: ${field} is ${first[field]} on rank 0 and ${second[field]} on rank 1.`,
    why: 'Each rank takes its share of a different order: an epoch repeats some samples and misses others.',
    fix: 'Use the same seed, data and sampler on every rank. The random numbers of samples still differ, because they are keyed by sample.',
  };
}

/** Finds seeds with which an epoch of one run equals an epoch of another run. */
export function seedsCollide({ sampler, kind }: OpenedConfig): Finding | undefined {
  // DeepSpeed offers no other seed here.
  if (kind === 'deepspeed' || !(sampler instanceof DistributedSampler) || !sampler.sharesOrdersWithNextSeed)
    return undefined;
  return {
    name: 'seeds-collide',
    what: `The DistributedSampler draws epoch e from seed + e, as PyTorch does: epoch 1 is epoch 0 of a run with the next seed.`,
    why: 'Runs with neighboring seeds see almost the same orders, so their variance is underestimated.',
    fix: 'Remove generator unless the order must be that of PyTorch, or use seeds that differ by more than the number of epochs.',
  };
}
