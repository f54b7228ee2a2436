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
  readonly globalStep: number;
  readonly epoch: number;
  readonly step: number;
  readonly rank: number;
  readonly microBatch: number;
  readonly slot: number;
  readonly index: number;
  readonly seed: number;
  readonly stages: readonly ReplayedStage[];
}

/** Selects a sample of a global batch. */
export interface ReplayedSlot {
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
  place: ReplayedSlot,
): Promise<Replay> {
  const { dataset, loader } = opened;
  if (!('get' in dataset)) throw notMapStyle(dataset);
  const batch = batchWith(planned, place);
  const index = batch.indices[place.slot]!;
  const { globalStep, epoch, step } = planned;
  const seed = loader instanceof DataLoader ? loader.options.seed : 0;
  const position = positionsAfter(batch.positions, place.slot).start;
  const pass = passAt(position, dataset.length);
  const context = new DrawContext(index, { epoch, seed, worker: null, position, pass, globalStep });
  const stages = await makeStages(opened, dataset, context);
  const failed = stages.at(-1)?.error !== undefined;
  const collated = failed ? [] : [await collate(opened, dataset, { batch, planned, slot: place.slot })];
  return { globalStep, epoch, step, ...place, index, seed, stages: [...stages, ...collated] };
}

function batchWith(
  { batches, globalStep }: PlannedStep,
  { rank, microBatch, slot }: ReplayedSlot,
): RankBatch {
  const problem = (field: string, message: string) =>
    new ConfigError('millrace replay', [{ field, message }]);
  if (batches.length === 0) throw problem('--step', `is ${globalStep}, and the run has no such step`);
  const ofRank = batches.filter((batch) => batch.rank === rank);
  const batch = ofRank.find((own) => own.microBatch === microBatch);
  if (ofRank.length === 0)
    throw problem(
      '--rank',
      `is ${rank}; the known ranks are ${[...new Set(batches.map((own) => own.rank))].join(', ')}`,
    );
  if (!batch)
    throw problem(
      '--micro-batch',
      `is ${microBatch}; must be below ${ofRank.length}, the micro-batches of the step`,
    );
  if (slot < batch.indices.length) return batch;
  throw problem('--slot', `is ${slot}; must be below ${batch.indices.length}, the samples of rank ${rank}`);
}

async function makeStages(
  { loader, sourceNames }: OpenedConfig,
  dataset: Dataset<unknown>,
  draw: DrawContext,
): Promise<ReplayedStage[]> {
  const { index, epoch } = draw;
  const replayed: ReplayedStage[] = [];
  let known = 0;
  for (const { name, from, make, redraws = false } of sampleStages(dataset, index, epoch, sourceNames)) {
    if (!make) {
      replayed.push({ name, from, draws: [] });
      continue;
    }
    const draws: string[] = [];
    const made = await attempt(() => make(recorded(draw.again(), draws)));
    replayed.push({ name, from, ...made, draws: draws.slice(redraws ? known : 0) });
    known = draws.length;
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

/** Makes the whole batch on this thread and returns what it holds of the sample. */
async function collate(
  { loader }: OpenedConfig,
  dataset: Dataset<unknown>,
  {
    batch: ofRank,
    planned,
    slot,
  }: { readonly batch: RankBatch; readonly planned: PlannedStep; readonly slot: number },
): Promise<ReplayedStage> {
  const { transform, collate: given, numberDtype, seed } = loader instanceof DataLoader ? loader.options : {};
  const options = { transform, collate: given, numberDtype, seed };
  const known = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const single = new DataLoader<unknown>(dataset, { ...known, batchSampler: new OneBatch(ofRank, planned) });
  single.seek({ epoch: planned.epoch, step: planned.step });
  const made = await attempt(async () => {
    for await (const batch of single) return sampleOf(batch, slot, ofRank.indices.length);
  });
  return { name: 'collated', from: `slot ${slot} of ${ofRank.indices.length}`, ...made, draws: [] };
}

/** A sampler of a single batch, at its step of the run. */
class OneBatch {
  readonly length: number;
  readonly #batch: RankBatch;

  constructor(batch: RankBatch, { globalStep, epoch, step }: PlannedStep) {
    this.#batch = batch;
    this.length = epoch === 0 ? step + 1 : (globalStep - step) / epoch;
  }

  seek(): void {}

  *[Symbol.iterator]() {
    yield this.#batch.indices;
  }

  positionsOf() {
    return this.#batch.positions;
  }
}

/** One sample of a batch: a row of each tensor, an element of each list. Keeps fields without a sample dimension. */
function sampleOf(batch: unknown, slot: number, samples: number): unknown {
  if (isTensor(batch)) return batch.shape[0] === samples ? row(batch, slot) : batch;
  if (Array.isArray(batch)) {
    const isList = batch.length === samples && batch.every((value) => typeof value !== 'object');
    return isList ? batch[slot] : batch.map((value) => sampleOf(value, slot, samples));
  }
  if (typeof batch !== 'object' || batch === null || ArrayBuffer.isView(batch)) return batch;
  return Object.fromEntries(
    Object.entries(batch).map(([name, value]) => [name, sampleOf(value, slot, samples)]),
  );
}

function notMapStyle(dataset: object): CapabilityError {
  const { name } = dataset.constructor;
  return new CapabilityError(`${name} is a stream: it cannot make a single sample`, {
    where: { stage: name },
    next: 'Open the files as a map-style dataset.',
  });
}
