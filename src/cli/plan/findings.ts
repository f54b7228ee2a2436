import { totalmem } from 'node:os';
import type { OpenedConfig } from '../../config/index.js';
import { DistributedSampler, SequentialSampler } from '../../samplers/index.js';
import { formatBytes, formatCount, formatShare } from '../../web/kit/numbers.js';
import { decodesAgain, shardReadsText } from '../shard-reads.js';
import type { RunOrder } from './run-order.js';
import type { RunPlan, SourcePlan } from './run-plan.js';

/** A problem of a run. */
export interface Finding {
  /** Stable name: `padding-duplicates`. */
  readonly name: string;
  /** What will happen, with the numbers. */
  readonly what: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do. */
  readonly fix: string;
}

/** Share of a run below which a curriculum ends too early to matter. */
const soonOver = 0.1;
/** Number of passes over a source above which it is reported. */
const manyPasses = 10;

/** Finds problems in the plan of a run. */
export async function planFindings(plan: RunPlan, opened: OpenedConfig, order: RunOrder): Promise<Finding[]> {
  const found = [
    await paddingDuplicates(plan, opened, order),
    neverSeen(plan, opened),
    unevenShares(plan),
    ...scheduleEnds(plan),
    starvingClusters(plan),
    ...(plan.mixture ?? []).map((source, _, mixture) => starvingSource(source, mixture)),
    decodedAgain(plan),
    tooMuchMemory(plan),
  ];
  return found.filter((finding) => finding !== undefined);
}

async function paddingDuplicates(
  { samples, stepsPerEpoch }: RunPlan,
  { sampler }: OpenedConfig,
  order: RunOrder,
): Promise<Finding | undefined> {
  const why = 'They count twice, in gradients and in the averages of an evaluation.';
  if (sampler instanceof DistributedSampler && sampler.totalSize > samples) {
    return {
      name: 'padding-duplicates',
      what: `${some(sampler.totalSize - samples, 'sample')} of ${formatCount(samples)} ${sampler.totalSize - samples === 1 ? 'is' : 'are'} drawn twice in each epoch, so that all ${sampler.worldSize} ranks get equally many.`,
      why,
      fix: `Remove the DistributedSampler and pass rank and worldSize to the loader. Or keep it, with dropLast: true to train or uneven: 'short' to evaluate.`,
    };
  }
  if (stepsPerEpoch === 0) return undefined;
  const { batches } = await order.stepAt(stepsPerEpoch - 1);
  const indices = batches.flatMap((batch) => [...batch.indices]);
  const repeated = indices.length - new Set(indices).size;
  const isShort = indices.length < batches.length * 2 && batches.length > 1;
  if (repeated === 0 || !isShort) return undefined;
  return {
    name: 'padding-duplicates',
    what: `The last global batch of an epoch has ${some(indices.length - repeated, 'sample')} for ${batches.length} batches: the ranks repeat ${some(repeated, 'sample')}.`,
    why,
    fix: 'Pass dropLast: true, or a batchSize that leaves a larger last batch.',
  };
}

function neverSeen({ epoch }: RunPlan, { sampler }: OpenedConfig): Finding | undefined {
  const missing = epoch.coverage?.missing ?? 0;
  if (missing === 0 || !(sampler instanceof SequentialSampler)) return undefined;
  return {
    name: 'never-seen',
    what: `The last ${some(missing, 'sample')} ${missing === 1 ? 'is' : 'are'} left out of every epoch.`,
    why: 'With dropLast and without shuffle, every epoch drops the same samples at the end of the data.',
    fix: 'Pass shuffle: true, so that each epoch drops other samples; or dropLast: false.',
  };
}

function unevenShares({ split, batchSizes = [] }: RunPlan): Finding | undefined {
  const { worldSize, gradientAccumulationSteps } = split;
  const parts = worldSize * gradientAccumulationSteps;
  const later = batchSizes.find(({ batchSize }) => batchSize % parts > 0)?.batchSize;
  const isFirst = split.fewest !== split.most && split.globalBatch > 0;
  const globalBatch = isFirst ? split.globalBatch : later;
  if (globalBatch === undefined) return undefined;
  const [fewest, most] = isFirst
    ? [split.fewest, split.most]
    : [Math.floor(globalBatch / parts), Math.ceil(globalBatch / parts)];
  const below = globalBatch - (globalBatch % parts);
  return {
    name: 'uneven-shares',
    what: `A global batch of ${formatCount(globalBatch)} does not divide evenly by ${some(worldSize, 'rank')} and ${some(gradientAccumulationSteps, 'micro-batch', 'micro-batches')}: batches have ${formatCount(fewest)} or ${formatCount(most)} samples.`,
    why: 'Averaging the means of unequal batches gives the samples of smaller ones more weight, and ranks wait for the one with more samples.',
    fix: `Use a batchSize of ${below > 0 ? `${formatCount(below)} or ` : ''}${formatCount(below + parts)}, or weight each loss by the samples of its batch.`,
  };
}

function scheduleEnds({ curriculum, steps, saysTraining }: RunPlan): Finding[] {
  if (!curriculum || !saysTraining || steps === 0) return [];
  const { lastAdmission, clusters } = curriculum;
  if (lastAdmission >= steps) {
    const late = clusters.filter(({ step }) => step >= steps).reduce((sum, { size }) => sum + size, 0);
    return [
      {
        name: 'schedule-ends-after-training',
        what: `The curriculum admits samples until global step ${formatCount(lastAdmission)}, and training ends after ${some(steps, 'step')}: ${some(late, 'sample')} ${late === 1 ? 'is' : 'are'} never admitted.`,
        why: 'The model never sees the hardest data.',
        fix: `Set totalSteps of the schedule (DeepSpeed: total_curriculum_step) to ${formatCount(steps)} or less, or train longer.`,
      },
    ];
  }
  if (clusters.length < 2 || lastAdmission >= steps * soonOver) return [];
  return [
    {
      name: 'schedule-ends-before-training',
      what: `The curriculum admits all samples from global step ${formatCount(lastAdmission)} on, after ${formatShare(lastAdmission / steps)} of training.`,
      why: 'The rest of the run is the same as without a curriculum.',
      fix: 'Raise totalSteps of the schedule (DeepSpeed: total_curriculum_step), which counts global batches, unless this is intended.',
    },
  ];
}

function starvingClusters({ curriculum, steps }: RunPlan): Finding | undefined {
  if (!curriculum) return undefined;
  const admitted = curriculum.clusters.filter(({ step }) => step < steps);
  const starving = admitted.filter(({ size, seen }) => seen < size / 2);
  const most = Math.max(...admitted.map(({ size, seen }) => seen / size));
  if (starving.length === 0 || most < 1) return undefined;
  const samples = starving.reduce((sum, { size }) => sum + size, 0);
  const seen = starving.reduce((sum, cluster) => sum + cluster.seen, 0);
  return {
    name: 'starving-cluster',
    what: `${some(starving.length, 'cluster')} of ${formatCount(samples)} samples, admitted from global step ${formatCount(starving[0]!.step)} on, ${starving.length === 1 ? 'gets' : 'get'} ${some(seen, 'slot')} of the run; the samples repeated most are seen ${most.toFixed(1)} times.`,
    why: 'They are admitted so late that the run never sees most of them.',
    fix: 'End the schedule earlier (totalSteps; DeepSpeed: total_curriculum_step), or train longer.',
  };
}

function starvingSource(
  { name, samples, seen, share }: SourcePlan,
  all: readonly SourcePlan[],
): Finding | undefined {
  const passes = seen / samples;
  const most = Math.max(
    ...all.filter((source) => source.samples > 0).map((source) => source.seen / source.samples),
  );
  if (samples > 0 && passes > manyPasses) {
    return {
      name: 'repeated-source',
      what: `${name} has ${some(samples, 'sample')} and gets ${formatShare(share)} of the run: ${passes.toFixed(1)} passes.`,
      why: 'A model that sees a small source this often memorizes it.',
      fix: 'Lower its weight, or add data to it.',
    };
  }
  if (samples === 0 || passes >= 0.5 || most < 2) return undefined;
  return {
    name: 'starving-source',
    what: `${name} gets ${formatShare(share)} of the run: ${formatCount(seen)} of its ${some(samples, 'sample')}, while another source is repeated ${most.toFixed(1)} times.`,
    why: 'Most of its data is not used.',
    fix: 'Raise its weight if it matters as much as the others, or train longer.',
  };
}

function decodedAgain({ reads }: RunPlan): Finding | undefined {
  if (!reads || !decodesAgain(reads)) return undefined;
  return {
    name: 'blocks-decoded-again',
    what: `This order decodes ${shardReadsText(reads)}: once for every ${some(Math.round(reads.samplesPerRead), 'sample')}.`,
    why: 'Decoding will take most of the time of loading.',
    fix: `Use shuffle: 'shards', which decodes each about once and mixes the samples of eight at a time; or cacheBlocks: ${reads.shards}, if all fit into memory decoded.`,
  };
}

function tooMuchMemory({ memory }: RunPlan): Finding | undefined {
  const { peakBytes, slots, batchBytes } = memory;
  if (peakBytes === undefined || peakBytes < totalmem()) return undefined;
  return {
    name: 'memory',
    what: `${some(slots, 'batch', 'batches')} of ${formatBytes(batchBytes!)} in memory at once need ${formatBytes(peakBytes)}; this machine has ${formatBytes(totalmem())}.`,
    why: 'The system will kill the process.',
    fix: 'Lower numWorkers or prefetchFactor, or use smaller micro-batches (gradientAccumulationSteps).',
  };
}

/** `1 sample`, `12,345 samples`. */
export function some(count: number, one: string, several = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : several}`;
}
