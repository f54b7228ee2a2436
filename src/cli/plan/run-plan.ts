import type { OpenedConfig } from '../../config/index.js';
import type { SequenceLengths } from '../../config/sequence-lengths.js';
import type { Dataset } from '../../core/dataset.js';
import { datasetsWithin } from '../../core/datasets-within.js';
import { CapabilityError, FormatError } from '../../core/errors.js';
import { lastOf } from '../../core/last-of.js';
import type { BatchSizeStage } from '../../curriculum/batch-size-stages.js';
import { BatchSizeRamp, CurriculumSampler } from '../../curriculum/index.js';
import { MixtureDataset } from '../../datasets/index.js';
import { DeepSpeedDataSampler } from '../../deepspeed/index.js';
import { DataLoader } from '../../loader/index.js';
import { ChatDataset } from '../../tokens/chat-dataset.js';
import { PackedDataset } from '../../tokens/packed-dataset.js';
import { sampleLengths } from '../../tokens/sample-lengths.js';
import { SplitSequences } from '../../tokens/split-sequences.js';
import { type ShardReads, shardReadsOf } from '../shard-reads.js';
import { type CurriculumPlan, planCurriculum, planDeepSpeedCurriculum } from './curriculum-plan.js';
import { type DiskPlan, type MemoryPlan, planDisk, planMemory } from './memory.js';
import type { RunOrder } from './run-order.js';
import { type Walk, walk } from './walk.js';

/** A source of a mixture over a run. */
export interface SourcePlan {
  readonly name: string;
  readonly samples: number;
  /** Slots of the run assigned to the source, and their share. */
  readonly seen: number;
  readonly share: number;
}

/** A part of a run between two amendments. */
export interface PhasePlan {
  /** Its first global step. */
  readonly at: number;
  /** Samples per global batch. */
  readonly batchSize: number;
  /** Share of each source in its samples; empty without a mixture. */
  readonly shares: readonly { readonly name: string; readonly share: number }[];
}

/** Split of a full global batch. */
export interface SplitPlan {
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
  /** Number of samples in the first global batch. */
  readonly globalBatch: number;
  /** Minimum and maximum number of samples per batch. */
  readonly fewest: number;
  readonly most: number;
}

/** Plan of a run. */
export interface RunPlan {
  readonly name: string;
  readonly kind: OpenedConfig['kind'];
  readonly description: OpenedConfig['description'];
  readonly samples: number;
  /** Class name of the sampler. */
  readonly order: string;
  readonly stepsPerEpoch: number;
  /** Configured epochs per loader epoch: a DeepSpeed curriculum covers all of them in one pass. */
  readonly epochsAPass: number;
  readonly epochs: number;
  /** Number of steps of the run. */
  readonly steps: number;
  /** Whether the configuration sets the length of the run. */
  readonly saysTraining: boolean;
  readonly split: SplitPlan;
  /** Global batch sizes by global step, if they change. */
  readonly batchSizes: readonly BatchSizeStage[] | undefined;
  /** An epoch. */
  readonly epoch: EpochPlan;
  /** Tokens of the run; an estimate if only some steps were examined. */
  readonly tokens:
    | {
        readonly run: number;
        readonly isExact: boolean;
        /** Share of the tokens that are trained on, for conversations. */
        readonly trainedShare: number | undefined;
      }
    | undefined;
  /** Present if the length of sequences rises over the run. */
  readonly lengths: SequenceLengths | undefined;
  /** Present if samples cost the decoding of row groups or record batches. */
  readonly reads: ShardReads | undefined;
  readonly memory: MemoryPlan;
  readonly disk: DiskPlan;
  readonly curriculum: CurriculumPlan | undefined;
  readonly mixture: readonly SourcePlan[] | undefined;
  /** The phases of the run, if it is amended. */
  readonly phases: readonly PhasePlan[] | undefined;
}

/** Content of an epoch. */
export interface EpochPlan extends Omit<Walk, 'visits'> {
  /** Number of samples seen, repeated and never seen, if all steps were examined. */
  readonly coverage:
    | { readonly seen: number; readonly repeated: number; readonly missing: number }
    | undefined;
}

export interface PlanOptions {
  readonly name: string;
  /** Number of steps to plan. @defaultValue the configured number, else one epoch */
  readonly steps?: number | undefined;
  /** Bytes of an actual batch. */
  readonly madeBytes?: number | undefined;
}

/** Plans a run. Reads no sample, except conversations, to count their tokens. @throws {@link CapabilityError} for a stream. */
export async function planRun(opened: OpenedConfig, order: RunOrder, options: PlanOptions): Promise<RunPlan> {
  const { dataset, sampler, training } = opened;
  const datasetLength = dataset.length;
  if (datasetLength === undefined || !('get' in dataset)) throw streamed(dataset);
  const { stepsPerEpoch } = order;
  const steps = stepsOf(opened, order, options.steps);
  const epochsAPass = sampler instanceof DeepSpeedDataSampler ? (training.epochs ?? 1) : 1;
  const trainedShare = await trainedShareOf(dataset);
  const lengthOf = sampleLengths(dataset);
  // Under a curriculum, a batch-size ramp or a length warm-up, every epoch differs.
  const isCurriculum =
    sampler instanceof CurriculumSampler ||
    sampler instanceof DeepSpeedDataSampler ||
    opened.lengths !== undefined;
  const walked = await walk({
    order,
    datasetLength,
    lengthOf,
    steps: isCurriculum || order.epochs.varies ? steps : stepsPerEpoch,
  });
  const split = await planSplit(order);
  const tokens = walked.tokens;
  const seesAll = order.ranks.length === order.worldSize;
  const memory = planMemory(
    opened,
    Math.max(split.most, Math.ceil(walked.largest / batchesPerStep(order))),
    options.madeBytes,
  );
  const { visits, ...epoch } = walked;
  // Epochs of a ramp are examined together: what is seen again in the next one is not repeated.
  const coversMore = order.epochs.varies && steps > stepsPerEpoch;
  return {
    name: options.name,
    kind: opened.kind,
    description: opened.description,
    samples: datasetLength,
    order: sampler?.constructor.name ?? 'none',
    stepsPerEpoch,
    epochsAPass,
    epochs: stepsPerEpoch === 0 ? 0 : order.epochs.epochsIn(steps) * epochsAPass,
    steps,
    saysTraining:
      options.steps !== undefined || training.steps !== undefined || training.epochs !== undefined,
    split,
    batchSizes: sampler instanceof BatchSizeRamp ? sampler.schedule : undefined,
    epoch: { ...epoch, coverage: seesAll && visits && !coversMore ? coverageOf(visits) : undefined },
    tokens: tokens && {
      // If only one rank is known, assume that the others get as many.
      run: Math.round((tokens.total / walked.steps) * steps * (order.worldSize / order.ranks.length)),
      isExact: seesAll && walked.isWhole && walked.steps === steps,
      trainedShare,
    },
    lengths: opened.lengths,
    reads: opened.loader instanceof DataLoader ? shardReadsOf(opened.loader) : undefined,
    memory,
    disk: await planDisk(opened),
    curriculum: await curriculumOf(opened, datasetLength, steps, visits),
    mixture: mixtureOf(opened, walked.samples / Math.max(1, walked.steps), steps),
    phases: phasesOf(opened, steps),
  };
}

/**
 * The share of the tokens of an epoch that are trained on. Conversations have to be encoded to count them; `undefined` if one cannot be
 * (`millrace doctor` says which), or if there are other samples.
 */
async function trainedShareOf(dataset: Dataset<unknown>): Promise<number | undefined> {
  const chats = [...datasetsWithin(dataset)].filter((each) => each instanceof ChatDataset);
  try {
    for (const each of chats) await each.count();
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
  // Rows that are packed have all tokens of their documents.
  const samples = dataset instanceof PackedDataset ? dataset.documents : dataset;
  const [tokensOf, trainedOf] = [sampleLengths(samples), sampleLengths(samples, trainedSizesOf)];
  if (chats.length === 0 || !tokensOf || !trainedOf) return undefined;
  let [tokens, trained] = [0, 0];
  for (let index = 0; index < samples.length; index++) {
    tokens += tokensOf(index, 0);
    trained += trainedOf(index, 0);
  }
  return trained / Math.max(1, tokens);
}

function trainedSizesOf(dataset: unknown): Int32Array | undefined {
  return dataset instanceof ChatDataset ? dataset.trainedSizes : undefined;
}

/** Number of steps of a run: as requested, as configured, or from its epochs. */
export function stepsOf({ sampler, training }: OpenedConfig, { epochs }: RunOrder, given?: number): number {
  // The sampler covers all configured epochs in one pass.
  const passes = sampler instanceof DeepSpeedDataSampler ? 1 : (training.epochs ?? 1);
  return given ?? training.steps ?? epochs.startOf(passes);
}

/** Number of batches of the known ranks in a global batch. */
function batchesPerStep({ ranks, gradientAccumulationSteps }: RunOrder): number {
  return ranks.length * gradientAccumulationSteps;
}

async function planSplit(order: RunOrder): Promise<SplitPlan> {
  const { worldSize, gradientAccumulationSteps } = order;
  const { batches } = await order.stepAt(0);
  const sizes = batches.map(({ indices }) => indices.length);
  const globalBatch = sizes.reduce((sum, size) => sum + size, 0);
  return {
    worldSize,
    gradientAccumulationSteps,
    globalBatch: order.ranks.length === worldSize ? globalBatch : globalBatch * worldSize,
    fewest: Math.min(...sizes, Number.MAX_SAFE_INTEGER),
    most: Math.max(0, ...sizes),
  };
}

function coverageOf(visits: Uint32Array): NonNullable<EpochPlan['coverage']> {
  let seen = 0;
  let repeated = 0;
  for (const count of visits) {
    if (count > 0) seen += 1;
    if (count > 1) repeated += 1;
  }
  return { seen, repeated, missing: visits.length - seen };
}

async function curriculumOf(
  { sampler }: OpenedConfig,
  samples: number,
  steps: number,
  visits: Uint32Array | undefined,
): Promise<CurriculumPlan | undefined> {
  if (sampler instanceof CurriculumSampler) return planCurriculum(sampler, samples, steps);
  if (sampler instanceof DeepSpeedDataSampler && visits)
    return planDeepSpeedCurriculum(sampler, visits, steps);
  return undefined;
}

function mixtureOf(
  { dataset, sourceNames, sampler }: OpenedConfig,
  samplesAStep: number,
  steps: number,
): SourcePlan[] | undefined {
  // Any other order permutes the slots of the epoch, which hold the same samples.
  if (!(dataset instanceof MixtureDataset) || sampler instanceof CurriculumSampler) return undefined;
  const slots = Math.round(samplesAStep * steps);
  return dataset.progressAfter(slots).map(({ samples: seen }, source) => ({
    name: sourceNames[source] ?? `source ${source}`,
    samples: dataset.datasets[source]!.length,
    seen,
    share: slots === 0 ? 0 : seen / slots,
  }));
}

/** Where a run changes, and what it consists of in between. O(amendments · sources). */
function phasesOf(
  { loader, sampler, dataset, sourceNames }: OpenedConfig,
  steps: number,
): PhasePlan[] | undefined {
  const amendments = loader instanceof DataLoader ? loader.stateDict().amendments : undefined;
  if (!amendments || !(sampler instanceof BatchSizeRamp)) return undefined;
  const starts = Object.values(amendments).flatMap((changes) => (changes as number[][]).map(([at]) => at!));
  const bounds = [...new Set([0, ...starts])].filter((at) => at < steps).sort((a, b) => a - b);
  const { stages, schedule } = sampler;
  const mixture = dataset instanceof SplitSequences ? dataset.dataset : dataset;
  const drawnBefore = (at: number): readonly number[] => {
    const place = stages.stepAt(at);
    if (!(mixture instanceof MixtureDataset) || !place) return [];
    const { position } = stages.batchAt(place.epoch, stages.stagesOf(place.epoch), place.step);
    return mixture.progressAfter(place.epoch * mixture.length + position).map(({ samples }) => samples);
  };
  return bounds.map((at, k) => {
    const [before, after] = [drawnBefore(at), drawnBefore(bounds[k + 1] ?? steps)];
    const drawn = after.map((count, source) => count - (before[source] ?? 0));
    const all = drawn.reduce((sum, count) => sum + count, 0);
    const { batchSize } = lastOf(schedule, ({ step }) => step <= at);
    const shares = drawn.map((count, source) => ({
      name: sourceNames[source] ?? `source ${source}`,
      share: all === 0 ? 0 : count / all,
    }));
    return { at, batchSize, shares };
  });
}

function streamed(dataset: object): CapabilityError {
  const { name } = dataset.constructor;
  return new CapabilityError(
    `${name} is a stream: its samples are known only by reading them, so its order cannot be planned`,
    {
      where: { stage: name },
      next: 'Open the files as a map-style dataset.',
    },
  );
}

/** Makes the first batch to measure its size. */
export async function makeFirstBatch({ loader }: OpenedConfig): Promise<unknown> {
  if (loader instanceof DataLoader) for await (const batch of loader) return batch;
  else for await (const batch of loader) return batch;
  return undefined;
}
