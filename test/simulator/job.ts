import {
  ArrayDataset,
  ConcatDataset,
  DataLoader,
  type Dataset,
  MixtureDataset,
  RandomSampler,
  type Sampler,
  workerDataset,
} from 'millrace';
import { TorchGenerator } from 'millrace/random';
import { TurningSampler } from '../loader/stateful-samplers.js';
import type { Dice } from './virtual-clock.js';

/** A change of the run from a global step on. */
export interface JobAmendment {
  readonly at: number;
  readonly batchSize?: number;
  readonly weights?: readonly number[];
  /** New samples of a source, or of the data without a mixture. */
  readonly grows?: {
    readonly source: number;
    readonly by: number;
    readonly newSamples: 'after' | 'interleaved';
  };
}

/** What is the same from start to start of a job. */
export interface Job {
  readonly kind: 'indices' | 'streams';
  /** Whether the order is computed, drawn from a generator, or that of a user's sampler that continues where its state stands. */
  readonly order: 'computed' | 'drawn' | 'stateful';
  readonly samples: number;
  /** Samples and weights of the sources of a mixture; empty without one. */
  readonly sources: readonly { readonly length: number; readonly weight: number }[];
  readonly numShards: number;
  readonly stateful: boolean;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly seed: number;
  readonly epochs: number;
  readonly inOrder: boolean;
  /** Whether the consumer takes leases and acknowledges them in any order. */
  readonly leases: boolean;
  /** Samples that cannot be made, and are replaced by the next ones. */
  readonly broken: readonly number[];
  /** Changes of the run: each made at its step, or all of them before the run. */
  readonly amendments: readonly JobAmendment[];
  readonly amendsLive: boolean;
}

const failing = new URL('../fixtures/broken.js', import.meta.url);
const streams = new URL('../fixtures/resumable.js', import.meta.url);

export function makeJob(dice: Dice): Job {
  const isAmended = dice.chance(0.3);
  const kind = isAmended ? 'indices' : dice.pick(['indices', 'indices', 'streams'] as const);
  const inOrder = isAmended || kind === 'streams' || dice.chance(0.7);
  const samples = dice.integer(1, 30);
  // A run that is amended has steps enough.
  const batchSize = dice.integer(1, isAmended ? 5 : 9);
  // Out of order, batches are compared by their samples: a short last one would be repeated where it is smaller than its parts. A
  // loader that would drop its only batch is refused.
  const dropLast = !isAmended && (!inOrder || dice.chance(0.3));
  const leases = kind === 'indices' && dice.chance(0.25);
  const all = dropLast ? Math.max(samples, batchSize) : samples;
  const order =
    isAmended || kind === 'streams'
      ? 'computed'
      : dice.pick(['computed', 'computed', 'drawn', 'stateful'] as const);
  const sources = isAmended && dice.chance(0.5) ? makeSources(dice) : [];
  const hasBroken = kind === 'indices' && sources.length === 0 && dice.chance(0.25);
  const healthy = dice.integer(0, all - 1);
  const broken = hasBroken ? numbers(all).filter((index) => index !== healthy && dice.chance(0.4)) : [];
  return {
    kind,
    order,
    samples: sources.length > 0 ? sources.reduce((sum, { length }) => sum + length, 0) : all,
    sources,
    numShards: dice.integer(1, 3),
    stateful: dice.chance(0.5),
    batchSize,
    dropLast,
    seed: dice.integer(0, 1000),
    epochs: dice.integer(1, isAmended ? 3 : 2),
    inOrder,
    leases,
    broken,
    amendments: isAmended ? makeAmendments(dice, { batchSize, sources, canGrow: broken.length === 0 }) : [],
    // A lease has to be acknowledged before the run is amended: not at every step.
    amendsLive: !leases && dice.chance(0.5),
  };
}

function makeSources(dice: Dice): Job['sources'] {
  const weight = (k: number): number => (k === 0 ? 1 : dice.pick([0, 0.5, 1, 3]));
  return numbers(dice.integer(1, 4)).map((k) => ({ length: dice.integer(1, 12), weight: weight(k) }));
}

function makeAmendments(
  dice: Dice,
  { batchSize, sources, canGrow }: Pick<Job, 'batchSize' | 'sources'> & { canGrow: boolean },
): JobAmendment[] {
  /** A source takes in the next samples only when it has read those before. */
  const growing = new Set(canGrow ? numbers(Math.max(1, sources.length)) : []);
  return numbers(12).flatMap((at): JobAmendment[] => {
    if (!dice.chance(0.25)) return [];
    const kinds = ['batchSize', ...(sources.length > 0 ? ['weights', 'both'] : []), 'growth'];
    const kind = dice.pick(kinds);
    if (kind === 'growth' && growing.size > 0) {
      const source = dice.pick([...growing]);
      growing.delete(source);
      return [
        { at, grows: { source, by: dice.integer(1, 9), newSamples: dice.pick(['after', 'interleaved']) } },
      ];
    }
    const weights = sources.map((_, k) => dice.pick(k === 0 ? [0.1, 1] : [0, 1, 2, 5]));
    return [
      {
        at,
        ...(kind !== 'weights' && { batchSize: batchSize + dice.integer(0, 3) }),
        ...((kind === 'weights' || kind === 'both') && { weights }),
      },
    ];
  });
}

/** The loader of a job: a rank, or the one that says what the run is. */
export function loaderOf(job: Job, options: object = {}): DataLoader<number> {
  const { kind, samples, numShards, stateful, batchSize, dropLast, seed, inOrder, broken } = job;
  const given = { ...options, batchSize, dropLast, seed, inOrder };
  if (kind === 'streams') {
    const dataset = workerDataset(streams, { options: { samples, numShards, stateful } });
    return new DataLoader(dataset as never, given as object);
  }
  if (job.sources.length > 0) {
    const weights = job.sources.map(({ weight }) => weight);
    return new DataLoader(new MixtureDataset(sourcesAfter(job, -1), { weights, seed }), given);
  }
  if (job.amendments.some(({ grows }) => grows))
    return new DataLoader(sourcesAfter(job, -1)[0]!, { ...given, shuffle: true });
  const hasBroken = broken.length > 0;
  const dataset = hasBroken
    ? workerDataset<number>(failing, { options: { length: samples, broken } })
    : new ArrayDataset(numbers(samples));
  const policy = hasBroken && { maxFailures: 1e9 };
  return new DataLoader<number>(dataset, { ...given, ...policy, sampler: samplerOf(job) } as object);
}

/** The arguments of `amend`. */
export function amendmentFor(job: Job, { at, batchSize, weights, grows }: JobAmendment) {
  const sources = grows ? sourcesAfter(job, at) : [];
  return {
    at,
    ...(batchSize !== undefined && { batchSize }),
    ...(weights && { weights }),
    ...(grows && { newSamples: grows.newSamples }),
    ...(grows && (job.sources.length > 0 ? { sources } : { data: sources[0]! })),
  };
}

/** The sources, or the data without a mixture, after the amendments of a global step. Samples tell where they come from. */
function sourcesAfter({ sources, samples, amendments }: Job, step: number): Dataset<number>[] {
  const lengths = sources.length > 0 ? sources.map(({ length }) => length) : [samples];
  return lengths.map((length, source) => {
    const numbered = (first: number, count: number) =>
      new ArrayDataset(numbers(count).map((k) => sampleOf(source, first + k)));
    const grown = amendments.find(({ at, grows }) => at <= step && grows?.source === source);
    if (!grown) return numbered(0, length);
    return new ConcatDataset([numbered(0, length), numbered(length, grown.grows!.by)]);
  });
}

const sampleOf = (source: number, index: number): number => source * 1000 + index;
const sourceOf = (sample: number): number => Math.floor(sample / 1000);

/** The order of a job without a mixture, at its beginning. */
function samplerOf({ order, samples, seed }: Job): Sampler {
  if (order === 'stateful') return new TurningSampler(samples);
  const generator = new TorchGenerator(seed);
  return new RandomSampler(samples, order === 'drawn' ? { generator } : { seed });
}

/** The global batches of every epoch of a run, made without workers. */
export async function expectedEpochs(job: Job): Promise<number[][][]> {
  const mixes = job.sources.length > 0 || job.amendments.some(({ grows }) => grows);
  const epochs = mixes ? await plannedEpochs(job) : countedEpochs(job);
  if (job.sources.length > 0) checkSources(job, epochs.flat(2));
  return epochs;
}

/** What the loader itself plans, in one process that knows all amendments before. */
async function plannedEpochs(job: Job): Promise<number[][][]> {
  const loader = loaderOf(job);
  for (const amendment of job.amendments) await loader.amend(amendmentFor(job, amendment));
  const data = loader.dataset as MixtureDataset<number>;
  const sampleAt = (index: number, epoch: number): number => {
    if (job.sources.length === 0) return index;
    const drawn = data.originOf(index, epoch);
    return sampleOf(drawn.source, drawn.index);
  };
  return numbers(job.epochs).map((epoch) =>
    [...loader.order({ epoch, step: 0 })].map(({ indices }) =>
      Array.from(indices, (index) => sampleAt(index, epoch)),
    ),
  );
}

/** Each source that does not grow goes on in its own order, whatever the weights. */
function checkSources(job: Job, samples: readonly number[]): void {
  const datasets = sourcesAfter(job, -1);
  for (const source of job.sources.keys()) {
    if (job.amendments.some(({ grows }) => grows?.source === source)) continue;
    const weights = job.sources.map((_, other) => (other === source ? 1 : 0));
    const alone = new MixtureDataset(datasets, { weights, seed: job.seed, length: 1e6 });
    const own = samples.filter((sample) => sourceOf(sample) === source);
    same(
      own,
      own.map((_, k) => sampleOf(source, alone.originOf(k).index)),
      `samples of source ${source}`,
    );
  }
}

/** The batches by another way than the loader's. */
function countedEpochs(job: Job): number[][][] {
  const { kind, samples, numShards, batchSize, dropLast, epochs } = job;
  const sampler = samplerOf(job);
  let first = 0;
  return numbers(epochs).map((epoch) => {
    if (kind === 'indices') {
      sampler.setEpoch!(epoch);
      const drawn = Array.from(sampler, (index) => replacedIndex(index, job));
      const batches = cut(drawn, (step) => batchSizeAt(job, step), dropLast, first);
      first += batches.length;
      return batches;
    }
    const shards = numbers(numShards).map((shard) =>
      cut(
        numbers(samples + shard).map((i) => epoch * 10_000 + shard * 1000 + i),
        () => batchSize,
        dropLast,
        0,
      ),
    );
    const all: number[][] = [];
    while (shards.some((shard) => shard.length > 0))
      for (const shard of shards) if (shard.length > 0) all.push(shard.shift()!);
    return all;
  });
}

/** The sample that stands for an index. */
function replacedIndex(index: number, { broken, samples }: Job): number {
  let next = index;
  while (broken.includes(next)) next = (next + 1) % samples;
  return next;
}

function batchSizeAt({ amendments, batchSize }: Job, step: number): number {
  return (
    amendments.findLast(({ at, batchSize: size }) => at <= step && size !== undefined)?.batchSize ?? batchSize
  );
}

/** @param first - The global step of the first batch. */
function cut(
  samples: readonly number[],
  sizeAt: (step: number) => number,
  dropLast: boolean,
  first: number,
): number[][] {
  const batches: number[][] = [];
  for (let start = 0; start < samples.length; ) {
    const size = sizeAt(first + batches.length);
    const batch = samples.slice(start, start + size);
    if (dropLast && batch.length < size) break;
    batches.push(batch);
    start += size;
  }
  return batches;
}

export function same(given: readonly number[], expected: readonly number[], what: string): void {
  if (JSON.stringify(given) === JSON.stringify(expected)) return;
  throw new Error(`The ${what} should be [${expected}], but are [${given}]`);
}

export const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);
