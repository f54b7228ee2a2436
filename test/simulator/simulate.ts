import {
  ArrayDataset,
  DataLoader,
  type LoaderState,
  MillraceError,
  RandomSampler,
  type Sampler,
  workerDataset,
} from 'millrace';
import { TorchGenerator } from 'millrace/random';
import { verifyReceipt } from 'millrace/receipts';
import { replaceThreads } from '../../dist/loader/engine/workers/start-thread.js';
import { TurningSampler } from '../loader/stateful-samplers.js';
import { SimulatedThread } from './simulated-thread.js';
import { Dice, VirtualClock } from './virtual-clock.js';

/** What is the same from start to start of a job. */
interface Job {
  readonly kind: 'indices' | 'streams';
  /** Whether the order is computed, drawn from a generator, or that of a user's sampler that continues where its state stands. */
  readonly order: 'computed' | 'drawn' | 'stateful';
  readonly samples: number;
  readonly numShards: number;
  readonly stateful: boolean;
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly seed: number;
  readonly epochs: number;
  readonly inOrder: boolean;
}

/** What may change. */
interface Start {
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
  readonly numWorkers: number | 'auto';
  readonly prefetchFactor: number;
  readonly reuseBuffers: boolean;
  readonly persistentWorkers: boolean;
  readonly onError: 'throw' | 'retry';
}

/** How a schedule went. */
export interface Outcome {
  /** What happened when, on the virtual clock. */
  readonly trace: readonly string[];
  /** What the ranks got, batch by batch, as one text. */
  readonly delivered: string;
  readonly kills: number;
  readonly crashes: number;
  readonly resizes: number;
}

const streams = new URL('../fixtures/resumable.js', import.meta.url);

/**
 * Runs a made-up job with the real scheduler on a virtual clock: ranks with workers that answer at any time and are killed, a job
 * that crashes and continues from its last checkpoint with other ranks, workers and steps of accumulation.
 *
 * @throws when a sample is lost, comes twice or in another batch, when something hangs, or when a receipt does not hold.
 */
export async function simulate(seed: number): Promise<Outcome> {
  const clock = new VirtualClock();
  return clock.govern(() => new Simulation(seed, clock).run());
}

class Simulation {
  readonly #clock: VirtualClock;
  readonly #dice: Dice;
  readonly #job: Job;
  readonly #threads: SimulatedThread[] = [];
  /** What each unit of the run gave: a unit is a batch of all ranks. */
  #delivered: number[][] = [];
  /** Global batches, or their parts, by their place in the run. */
  #places: number[] = [];
  #kills = 0;
  #crashes = 0;
  #resizes = 0;

  constructor(seed: number, clock: VirtualClock) {
    this.#clock = clock;
    this.#dice = new Dice(seed);
    this.#job = this.#makeJob();
  }

  async run(): Promise<Outcome> {
    const before = replaceThreads((id) => {
      const thread = new SimulatedThread(id, this.#clock, this.#dice);
      this.#threads.push(thread);
      return thread;
    });
    try {
      let checkpoint: { state: LoaderState; units: number; place: number } | undefined;
      let start = this.#makeStart(undefined);
      for (let starts = 1; ; starts++) {
        checkpoint = await this.#clock.until(this.#train(start, checkpoint, starts < 4));
        if (!checkpoint) break;
        this.#crashes += 1;
        // What came after the checkpoint is trained again.
        this.#delivered.length = checkpoint.units;
        this.#places.length = checkpoint.units;
        const next = this.#makeStart(checkpoint.state);
        if (next.worldSize !== start.worldSize) this.#resizes += 1;
        start = next;
        if (checkpoint.units === 0 && this.#dice.chance(0.5)) checkpoint = undefined;
      }
      this.#check();
    } finally {
      replaceThreads(before);
    }
    const { trace } = this.#clock;
    const delivered = JSON.stringify(this.#delivered);
    return { trace, delivered, kills: this.#kills, crashes: this.#crashes, resizes: this.#resizes };
  }

  #makeJob(): Job {
    const dice = this.#dice;
    const kind = dice.pick(['indices', 'indices', 'streams'] as const);
    const inOrder = kind === 'streams' || dice.chance(0.7);
    const samples = dice.integer(1, 30);
    const batchSize = dice.integer(1, 9);
    // Out of order, batches are compared by their samples: a short last one would be repeated where it is smaller than its parts. A
    // loader that would drop its only batch is refused.
    const dropLast = !inOrder || dice.chance(0.3);
    return {
      kind,
      order:
        kind === 'streams' ? 'computed' : dice.pick(['computed', 'computed', 'drawn', 'stateful'] as const),
      samples: dropLast ? Math.max(samples, batchSize) : samples,
      numShards: dice.integer(1, 3),
      stateful: dice.chance(0.5),
      batchSize,
      dropLast,
      seed: dice.integer(0, 1000),
      epochs: dice.integer(1, 2),
      inOrder,
    };
  }

  /** A start that can continue from a state. */
  #makeStart(state: LoaderState | undefined): Start {
    const dice = this.#dice;
    const { batchSize, inOrder } = this.#job;
    const isInside = state !== undefined && (state.microBatch > 0 || state.ahead.length > 0);
    // Global batches have a sample for every part.
    const steps = isInside ? state.gradientAccumulationSteps : dice.integer(1, Math.min(3, batchSize));
    return {
      // Ranks go step by step together, and what one has ahead out of order another one may not.
      worldSize: inOrder ? dice.integer(1, Math.min(3, Math.floor(batchSize / steps))) : 1,
      gradientAccumulationSteps: steps,
      numWorkers: dice.pick([1, 2, 3, 'auto'] as const),
      prefetchFactor: dice.integer(1, 3),
      reuseBuffers: dice.chance(0.5),
      persistentWorkers: dice.chance(0.8),
      onError: dice.pick(['throw', 'retry'] as const),
    };
  }

  #load(start: Start, rank: number): DataLoader<number> {
    const { kind, samples, numShards, stateful, batchSize, dropLast, seed, inOrder } = this.#job;
    const options = { ...start, batchSize, dropLast, seed, rank, inOrder };
    if (kind === 'indices')
      return new DataLoader<number>(new ArrayDataset(numbers(samples)), {
        ...options,
        sampler: samplerOf(this.#job),
      } as object);
    const dataset = workerDataset(streams, { options: { samples, numShards, stateful } });
    return new DataLoader(dataset as never, options as object);
  }

  /** Trains until the end, or until the job crashes: then the last checkpoint. */
  async #train(
    start: Start,
    from: { state: LoaderState; units: number; place: number } | undefined,
    mayCrash: boolean,
  ): Promise<{ state: LoaderState; units: number; place: number } | undefined> {
    const { worldSize, gradientAccumulationSteps: steps } = start;
    const loaders = Array.from({ length: worldSize }, (_, rank) => this.#load(start, rank));
    let checkpoint = from;
    for (const loader of loaders) {
      await loader.ready();
      if (from) loader.loadStateDict(JSON.parse(JSON.stringify(from.state)));
    }
    if (!checkpoint) checkpoint = { state: loaders[0]!.stateDict(), units: 0, place: 0 };
    let { place } = checkpoint;
    const crashesAt =
      mayCrash && this.#dice.chance(0.6) ? this.#dice.integer(1, 40) : Number.POSITIVE_INFINITY;
    for (let taken = 1; loaders[0]!.epoch < this.#job.epochs; ) {
      const passes = loaders.map((loader) => new PatientPass(loader));
      for (;;) {
        if (this.#dice.chance(0.05)) this.#killOne();
        const batches = await Promise.all(passes.map((pass) => pass.next()));
        if (batches.every((batch) => batch === undefined)) break;
        if (batches.some((batch) => batch === undefined))
          throw new Error('Ranks have different numbers of batches');
        this.#delivered.push((batches as number[][]).flat());
        this.#places.push(place);
        place += 1 / steps;
        await this.#clock.sleep(this.#dice.float() * 3);
        if (this.#dice.chance(0.3)) {
          const { state } = { state: this.#dice.pick(loaders).stateDict() };
          checkpoint = { state, units: this.#delivered.length, place };
        }
        if (taken++ >= crashesAt) {
          await this.#abandon(loaders);
          return checkpoint;
        }
      }
      place = Math.round(place);
    }
    for (const [rank, loader] of loaders.entries())
      if (this.#job.kind === 'indices' && this.#job.order === 'computed')
        this.#checkReceipt(start, rank, loader);
    await Promise.all(loaders.map((loader) => loader.close()));
    return undefined;
  }

  #checkReceipt(start: Start, rank: number, loader: DataLoader<number>): void {
    const receipt = JSON.parse(JSON.stringify(loader.receipt()));
    const { difference } = verifyReceipt(this.#load({ ...start, numWorkers: 1 }, rank), receipt);
    if (difference) {
      const { trail: _, ...shown } = receipt;
      throw new Error(`The receipt of rank ${rank} differs: ${JSON.stringify({ difference, ...shown })}`);
    }
  }

  /** The processes are gone, or end in an orderly way. */
  async #abandon(loaders: readonly DataLoader<number>[]): Promise<void> {
    if (this.#dice.chance(0.5)) await Promise.all(loaders.map((loader) => loader.close()));
    for (const thread of this.#threads) thread.alive = false;
  }

  #killOne(): void {
    const alive = this.#threads.filter((thread) => thread.alive);
    if (alive.length === 0) return;
    this.#kills += 1;
    this.#dice.pick(alive).kill();
  }

  /** Compares what came with what the order says. */
  #check(): void {
    const expected = expectedBatches(this.#job);
    if (!this.#job.inOrder) {
      const perEpoch = expected.length / this.#job.epochs;
      same(
        this.#delivered.flat().sort(ascending),
        expected.flat().sort(ascending),
        `samples of ${perEpoch} batches`,
      );
      return;
    }
    const came = new Map<number, number[]>();
    for (const [unit, samples] of this.#delivered.entries()) {
      const batch = Math.floor(this.#places[unit]! + 1e-9);
      came.set(batch, [...(came.get(batch) ?? []), ...samples]);
    }
    same([...came.keys()].sort(ascending), numbers(expected.length), 'numbers of the batches');
    for (const [batch, samples] of expected.entries()) {
      // A batch with fewer samples than parts is repeated, so that every rank takes a step.
      const unique = samples.length < (came.get(batch)?.length ?? 0);
      const given = came.get(batch)!;
      same(
        unique ? [...new Set(given)].sort(ascending) : given,
        unique ? [...samples].sort(ascending) : samples,
        `batch ${batch}`,
      );
    }
  }
}

/** A pass that begins again where it failed, as the message of a dead worker says. */
class PatientPass {
  readonly #loader: DataLoader<number>;
  #iterator: AsyncIterator<unknown>;

  constructor(loader: DataLoader<number>) {
    this.#loader = loader;
    this.#iterator = loader[Symbol.asyncIterator]();
  }

  async next(): Promise<number[] | undefined> {
    for (let failures = 0; ; failures++) {
      try {
        const { done, value } = await this.#iterator.next();
        if (done) return undefined;
        const batch = value as { data: ArrayLike<number>; sample?: { data: ArrayLike<number> } };
        return Array.from((batch.sample ?? batch).data);
      } catch (error) {
        if (!(error instanceof MillraceError) || error.code !== 'ERR_MILLRACE_WORKER_EXIT' || failures > 50)
          throw error;
        this.#iterator = this.#loader[Symbol.asyncIterator]();
      }
    }
  }
}

/** The order of a job, at its beginning. */
function samplerOf({ order, samples, seed }: Job): Sampler {
  if (order === 'stateful') return new TurningSampler(samples);
  const generator = new TorchGenerator(seed);
  return new RandomSampler(samples, order === 'drawn' ? { generator } : { seed });
}

/** The batches of the whole run, made without a loader. */
function expectedBatches(job: Job): number[][] {
  const { kind, samples, numShards, batchSize, dropLast, epochs } = job;
  const all: number[][] = [];
  const sampler = samplerOf(job);
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (kind === 'indices') {
      sampler.setEpoch!(epoch);
      all.push(...cut([...sampler], batchSize, dropLast));
      continue;
    }
    const shards = numbers(numShards).map((shard) =>
      cut(
        numbers(samples + shard).map((i) => epoch * 10_000 + shard * 1000 + i),
        batchSize,
        dropLast,
      ),
    );
    while (shards.some((shard) => shard.length > 0))
      for (const shard of shards) if (shard.length > 0) all.push(shard.shift()!);
  }
  return all;
}

function cut(samples: readonly number[], batchSize: number, dropLast: boolean): number[][] {
  const batches: number[][] = [];
  for (let start = 0; start < samples.length; start += batchSize)
    batches.push(samples.slice(start, start + batchSize));
  return dropLast ? batches.filter((batch) => batch.length === batchSize) : batches;
}

function same(given: readonly number[], expected: readonly number[], what: string): void {
  if (JSON.stringify(given) === JSON.stringify(expected)) return;
  throw new Error(`The ${what} should be [${expected}], but are [${given}]`);
}

const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);
const ascending = (a: number, b: number): number => a - b;
