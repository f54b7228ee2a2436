import type { OpenedConfig } from '../../config/index.js';
import type { Dataset } from '../../core/dataset.js';
import { CapabilityError, ConfigError } from '../../core/errors.js';
import { isTensor, row } from '../../core/tensor.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import { DataLoader } from '../../loader/index.js';
import { passAt, positionsAfter } from '../../loader/order/order-positions.js';
import { DrawContext } from '../../random/sample-context.js';
import type { PlannedStep, RankBatch } from '../plan/run-order.js';
import { recorded } from './recorded-random.js';
import { sampleStages } from './sample-stages.js';

/** A stage of a replayed sample. */
export interface ReplayedStage {
  readonly name: string;
  readonly from?: string | undefined;
  /** Output of the stage; absent if it only selects, or failed. */
  readonly value?: unknown;
  /** Its random draws, in order. */
  readonly draws: readonly string[];
  readonly error?: unknown;
}

/** A replayed sample. */
export interface Replay {
  readonly step: number;
  readonly epoch: number;
  readonly batch: number;
  readonly rank: number;
  readonly microBatch: number;
  readonly slot: number;
  readonly index: number;
  readonly seed: number;
  readonly stages: readonly ReplayedStage[];
}

/** Selects a sample of a step. */
export interface ReplayPlace {
  readonly rank: number;
  readonly microBatch: number;
  readonly slot: number;
}

/**
 * Replays one sample on this thread, stage by stage: the dataset, each function, the transform, and its row of the
 * collated batch. Ends with the first stage that fails.
 *
 * @throws {@link ConfigError} if the step has no such slot.
 */
export async function replaySample(
  opened: OpenedConfig,
  planned: PlannedStep,
  place: ReplayPlace,
): Promise<Replay> {
  const { dataset, loader } = opened;
  if (!('get' in dataset)) throw notMapStyle(dataset);
  const part = partAt(planned, place);
  const index = part.indices[place.slot]!;
  const { step, epoch, batch } = planned;
  const seed = loader instanceof DataLoader ? loader.options.seed : 0;
  const position = positionsAfter(part.positions, place.slot).start;
  const pass = passAt(position, dataset.length);
  const context = new DrawContext(index, { epoch, seed, worker: null, position, pass });
  const stages = await makeStages(opened, dataset, context);
  const failed = stages.at(-1)?.error !== undefined;
  const collated = failed ? [] : [await collate(opened, dataset, { part, epoch, slot: place.slot })];
  return { step, epoch, batch, ...place, index, seed, stages: [...stages, ...collated] };
}

function partAt({ parts, step }: PlannedStep, { rank, microBatch, slot }: ReplayPlace): RankBatch {
  const problem = (field: string, message: string) =>
    new ConfigError('millrace replay', [{ field, message }]);
  if (parts.length === 0) throw problem('--step', `is ${step}, and the epoch has no such step`);
  const ofRank = parts.filter((part) => part.rank === rank);
  const part = ofRank.find((own) => own.microBatch === microBatch);
  if (ofRank.length === 0)
    throw problem(
      '--rank',
      `is ${rank}, and there are ${[...new Set(parts.map((own) => own.rank))].join(', ')}`,
    );
  if (!part) throw problem('--micro-batch', `is ${microBatch}, and the step has ${ofRank.length}`);
  if (slot < part.indices.length) return part;
  throw problem('--slot', `is ${slot}, and rank ${rank} gets ${part.indices.length} samples, from 0 on`);
}

async function makeStages(
  { loader, sourceNames }: OpenedConfig,
  dataset: Dataset<unknown>,
  draw: DrawContext,
): Promise<ReplayedStage[]> {
  const { index, epoch } = draw;
  const replayed: ReplayedStage[] = [];
  for (const { name, from, make } of sampleStages(dataset, index, epoch, sourceNames)) {
    if (!make) {
      replayed.push({ name, from, draws: [] });
      continue;
    }
    const draws: string[] = [];
    replayed.push({ name, from, ...(await attempt(() => make(recorded(draw.again(), draws)))), draws });
    if (replayed.at(-1)?.error !== undefined) return replayed;
  }
  const given = loader instanceof DataLoader ? loader.options.transform : undefined;
  if (!given) return replayed;
  const transform = (given instanceof WorkerModule ? await given.load() : given) as (
    sample: unknown,
    context: unknown,
  ) => unknown;
  // As in the loader, the transform continues the generator that the dataset used.
  const draws: string[] = [];
  const context = recorded(draw.again(), draws);
  const sample = await dataset.get(index, context);
  draws.length = 0;
  const result = await attempt(() => transform(sample, context));
  return [...replayed, { name: `transform ${transform.name}`.trim(), ...result, draws }];
}

async function attempt(make: () => unknown): Promise<{ value: unknown } | { error: unknown }> {
  try {
    return { value: await make() };
  } catch (error) {
    return { error };
  }
}

/** Makes the whole batch on this thread and returns the sample's part. */
async function collate(
  { loader }: OpenedConfig,
  dataset: Dataset<unknown>,
  { part, epoch, slot }: { readonly part: RankBatch; readonly epoch: number; readonly slot: number },
): Promise<ReplayedStage> {
  const { transform, collate: given, numberDtype, seed } = loader instanceof DataLoader ? loader.options : {};
  const options = { transform, collate: given, numberDtype, seed };
  const known = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const single = new DataLoader<unknown>(dataset, { ...known, batchSampler: new OneBatch(part) });
  single.setEpoch(epoch);
  const made = await attempt(async () => {
    for await (const batch of single) return placeOf(batch, slot, part.indices.length);
  });
  return { name: 'collated', from: `place ${slot} of ${part.indices.length}`, ...made, draws: [] };
}

/** A sampler of a single batch, the same in every epoch. */
class OneBatch {
  readonly length = 1;
  readonly #batch: RankBatch;

  constructor(batch: RankBatch) {
    this.#batch = batch;
  }

  *[Symbol.iterator]() {
    yield this.#batch.indices;
  }

  positionsOf() {
    return this.#batch.positions;
  }
}

/** One sample's part of a batch: a row of each tensor, an element of each list. Keeps fields without a sample dimension. */
function placeOf(batch: unknown, slot: number, samples: number): unknown {
  if (isTensor(batch)) return batch.shape[0] === samples ? row(batch, slot) : batch;
  if (Array.isArray(batch)) {
    const isList = batch.length === samples && batch.every((value) => typeof value !== 'object');
    return isList ? batch[slot] : batch.map((value) => placeOf(value, slot, samples));
  }
  if (typeof batch !== 'object' || batch === null || ArrayBuffer.isView(batch)) return batch;
  return Object.fromEntries(
    Object.entries(batch).map(([name, value]) => [name, placeOf(value, slot, samples)]),
  );
}

function notMapStyle(dataset: object): CapabilityError {
  const { name } = dataset.constructor;
  return new CapabilityError(`${name} is a stream: a sample of it cannot be made alone`, {
    where: { stage: name },
    next: 'Open the files as a map-style dataset.',
  });
}
