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
  /** Whether the consumer takes leases and acknowledges them in any order. */
  readonly leases: boolean;
  /** Samples that cannot be made, and are replaced by the next ones. */
  readonly broken: readonly number[];
  /** Changes of the batch size from a global step on: made at that step, or before the run. */
  readonly amendments: readonly { readonly at: number; readonly batchSize: number }[];
  readonly amendsLive: boolean;
}

/** What may change. */
interface Start {
  readonly worldSize: number;
  readonly gradientAccumulationSteps: number;
  readonly numWorkers: number | 'auto';
  readonly prefetchFactor: number;
  readonly reuseBuffers: boolean;
  readonly persistentWorkers: boolean;
  readonly onError: 'throw' | 'retry' | 'replace';
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
  /** Leases that were acknowledged, and samples that were replaced. */
  readonly acknowledged: number;
  readonly replaced: number;
  /** Amendments of a loader. */
  readonly amended: number;
}

/** A state that was saved, and how much had been delivered then. */
interface Checkpoint {
  readonly state: LoaderState;
  readonly units: number;
  readonly place: number;
}

const failing = new URL('../fixtures/broken.js', import.meta.url);
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
  #acknowledged = 0;
  #amended = 0;

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
      let checkpoint: Checkpoint | undefined;
      let start = this.#makeStart(undefined);
      for (let starts = 1; ; starts++) {
        const how = this.#job.leases ? this.#label : this.#train;
        checkpoint = await this.#clock.until(how.call(this, start, checkpoint, starts < 4));
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
    const isBroken = new Set(this.#job.broken);
    const replaced = this.#job.kind === 'indices' ? isBroken.size : 0;
    return {
      trace,
      delivered,
      kills: this.#kills,
      crashes: this.#crashes,
      resizes: this.#resizes,
      acknowledged: this.#acknowledged,
      replaced,
      amended: this.#amended,
    };
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
    const leases = kind === 'indices' && dice.chance(0.25);
    const all = dropLast ? Math.max(samples, batchSize) : samples;
    const hasBroken = kind === 'indices' && dice.chance(0.25);
    const healthy = dice.integer(0, all - 1);
    const order =
      kind === 'streams' ? 'computed' : dice.pick(['computed', 'computed', 'drawn', 'stateful'] as const);
    const isAmended =
      kind === 'indices' && order === 'computed' && inOrder && !dropLast && !leases && dice.chance(0.6);
    const steps = isAmended ? numbers(12).filter(() => dice.chance(0.25)) : [];
    return {
      amendments: steps.map((at) => ({ at, batchSize: batchSize + dice.integer(0, 3) })),
      amendsLive: dice.chance(0.5),
      kind,
      leases,
      broken: hasBroken ? numbers(all).filter((index) => index !== healthy && dice.chance(0.4)) : [],
      order,
      samples: all,
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
    const { batchSize, inOrder, leases, broken } = this.#job;
    const isInside = state !== undefined && (state.microBatch > 0 || state.ahead.length > 0);
    // Global batches have a sample for every part.
    const steps = isInside ? state.gradientAccumulationSteps : dice.integer(1, Math.min(3, batchSize));
    return {
      // Ranks go step by step together, and what one has ahead out of order another one may not.
      worldSize: inOrder && !leases ? dice.integer(1, Math.min(3, Math.floor(batchSize / steps))) : 1,
      gradientAccumulationSteps: steps,
      numWorkers: dice.pick([1, 2, 3, 'auto'] as const),
      prefetchFactor: dice.integer(1, 3),
      reuseBuffers: dice.chance(0.5) && !leases,
      persistentWorkers: dice.chance(0.8),
      onError: broken.length > 0 ? 'replace' : dice.pick(['throw', 'retry'] as const),
    };
  }

  #load(start: Start, rank: number): DataLoader<number> {
    const { kind, samples, numShards, stateful, batchSize, dropLast, seed, inOrder, broken } = this.#job;
    const options = { ...start, batchSize, dropLast, seed, rank, inOrder };
    if (kind === 'indices') {
      const hasBroken = broken.length > 0;
      const dataset = hasBroken
        ? workerDataset<number>(failing, { options: { length: samples, broken } })
        : new ArrayDataset(numbers(samples));
      return new DataLoader<number>(dataset, {
        ...options,
        ...(hasBroken && { maxFailures: 1e9 }),
        sampler: samplerOf(this.#job),
      } as object);
    }
    const dataset = workerDataset(streams, { options: { samples, numShards, stateful } });
    return new DataLoader(dataset as never, options as object);
  }

  /** Trains until the end, or until the job crashes: then the last checkpoint. */
  async #train(
    start: Start,
    from: Checkpoint | undefined,
    mayCrash: boolean,
  ): Promise<Checkpoint | undefined> {
    const { worldSize, gradientAccumulationSteps: steps } = start;
    const loaders = Array.from({ length: worldSize }, (_, rank) => this.#load(start, rank));
    let checkpoint = from;
    for (const loader of loaders) {
      await loader.ready();
      if (!this.#job.amendsLive) await this.#amend(loader);
      if (from) loader.loadStateDict(JSON.parse(JSON.stringify(from.state)));
      await loader.ready();
    }
    if (!checkpoint) checkpoint = { state: loaders[0]!.stateDict(), units: 0, place: 0 };
    let { place } = checkpoint;
    const crashesAt =
      mayCrash && this.#dice.chance(0.6) ? this.#dice.integer(1, 40) : Number.POSITIVE_INFINITY;
    for (let taken = 1; loaders[0]!.epoch < this.#job.epochs; ) {
      const passes = loaders.map((loader) => new PatientPass(loader));
      for (;;) {
        if (this.#dice.chance(0.05)) this.#killOne();
        if (this.#job.amendsLive) for (const loader of loaders) await this.#amend(loader, place);
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
        await this.#checkReceipt(start, rank, loader);
    await Promise.all(loaders.map((loader) => loader.close()));
    return undefined;
  }

  /** Makes the amendments of a step; all of them without one. */
  async #amend(loader: DataLoader<number>, step?: number): Promise<void> {
    for (const { at, batchSize } of this.#job.amendments) {
      if (step !== undefined && Math.abs(step - at) > 1e-9) continue;
      await loader.amend({ at, batchSize });
      this.#amended += 1;
    }
  }

  /** The same for a consumer that takes leases and acknowledges them in any order. */
  async #label(
    start: Start,
    from: Checkpoint | undefined,
    mayCrash: boolean,
  ): Promise<Checkpoint | undefined> {
    const dice = this.#dice;
    const loader = this.#load(start, 0);
    await loader.ready();
    if (from) loader.loadStateDict(JSON.parse(JSON.stringify(from.state)));
    let checkpoint = from ?? { state: loader.stateDict(), units: 0, place: 0 };
    const perEpoch = expectedBatches(this.#job).length / this.#job.epochs;
    const crashesAt = mayCrash && dice.chance(0.6) ? dice.integer(1, 40) : Number.POSITIVE_INFINITY;
    for (let taken = 1; loader.epoch < this.#job.epochs; ) {
      const leases = new PatientLeases(loader, dice.integer(1, 5));
      for (;;) {
        if (dice.chance(0.05)) this.#killOne();
        const pause = this.#clock.sleep(dice.float() * 3).then(() => 'pause' as const);
        const isOver = await leases.take(pause);
        if (isOver) break;
        const lease = dice.chance(0.6) ? leases.pick(dice) : undefined;
        if (!lease || !acknowledge(lease)) continue;
        this.#acknowledged += 1;
        this.#delivered.push(Array.from(lease.batch.data));
        const microBatches = lease.microBatch / start.gradientAccumulationSteps;
        this.#places.push(lease.epoch * perEpoch + lease.step + microBatches);
        if (dice.chance(0.3)) {
          checkpoint = { state: loader.stateDict(), units: this.#delivered.length, place: 0 };
        }
        if (taken++ >= crashesAt) {
          await this.#abandon([loader]);
          return checkpoint;
        }
      }
    }
    if (this.#job.order === 'computed') await this.#checkReceipt(start, 0, loader);
    await loader.close();
    return undefined;
  }

  async #checkReceipt(start: Start, rank: number, loader: DataLoader<number>): Promise<void> {
    const receipt = JSON.parse(JSON.stringify(loader.receipt()));
    const other = await this.#load({ ...start, numWorkers: 1 }, rank).ready();
    // In the steps of the run: a later amendment was not made where it is made live.
    for (const { at, batchSize } of this.#job.amendments)
      if (JSON.stringify(receipt.amendments ?? {}).includes(`[${at},${batchSize}]`))
        await other.amend({ at, batchSize });
    const { difference } = verifyReceipt(other, receipt);
    await other.close();
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
      const shown = (of: readonly number[]): number[] => {
        if (unique) return [...new Set(of)].sort(ascending);
        // Micro-batches are acknowledged in any order.
        return this.#job.leases ? [...of].sort(ascending) : [...of];
      };
      same(shown(given), shown(samples), `batch ${batch}`);
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

type SimulatedLease = Awaited<ReturnType<ReturnType<DataLoader<number>['leases']>['next']>>['value'] & object;

/** Leases that begin again where their pass failed: what was not acknowledged comes again. */
class PatientLeases {
  readonly #loader: DataLoader<number>;
  readonly #inFlight: number;
  #leases: ReturnType<DataLoader<number>['leases']>;
  #asked: Promise<IteratorResult<SimulatedLease, void>> | undefined;
  #held: SimulatedLease[] = [];
  #failures = 0;

  constructor(loader: DataLoader<number>, inFlight: number) {
    this.#loader = loader;
    this.#inFlight = inFlight;
    this.#leases = loader.leases({ inFlight });
  }

  /** Takes a lease if one comes within a pause. @returns whether the epoch is over */
  async take(pause: Promise<'pause'>): Promise<boolean> {
    this.#asked ??= this.#leases.next();
    this.#asked.catch(() => {});
    try {
      const result = await Promise.race([this.#asked, pause]);
      if (result === 'pause') return false;
      this.#asked = undefined;
      if (result.done) return true;
      this.#held.push(result.value);
      return false;
    } catch (error) {
      const isDeath = error instanceof MillraceError && error.code === 'ERR_MILLRACE_WORKER_EXIT';
      if (!isDeath || this.#failures++ > 50) throw error;
      this.#held = [];
      this.#asked = undefined;
      this.#leases = this.#loader.leases({ inFlight: this.#inFlight });
      return false;
    }
  }

  /** Takes one of the leases that are held out of them. */
  pick(dice: Dice): SimulatedLease | undefined {
    return this.#held.splice(dice.integer(0, this.#held.length - 1), 1)[0];
  }
}

/** Acknowledges a lease. @returns whether it counts: not if its pass has failed, which the next `take` finds out */
function acknowledge(lease: SimulatedLease): boolean {
  try {
    lease.ack();
    return true;
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'ERR_MILLRACE_CLOSED') return false;
    throw error;
  }
}

/** The sample that stands for an index. */
function replacedIndex(index: number, { broken, samples }: Job): number {
  let next = index;
  while (broken.includes(next)) next = (next + 1) % samples;
  return next;
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
      const drawn = Array.from(sampler, (index) => replacedIndex(index, job));
      all.push(...cut(drawn, (step) => batchSizeAt(job, step), dropLast, all.length));
      continue;
    }
    const shards = numbers(numShards).map((shard) =>
      cut(
        numbers(samples + shard).map((i) => epoch * 10_000 + shard * 1000 + i),
        () => batchSize,
        dropLast,
        0,
      ),
    );
    while (shards.some((shard) => shard.length > 0))
      for (const shard of shards) if (shard.length > 0) all.push(shard.shift()!);
  }
  return all;
}

function batchSizeAt({ amendments, batchSize }: Job, step: number): number {
  return amendments.findLast(({ at }) => at <= step)?.batchSize ?? batchSize;
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

function same(given: readonly number[], expected: readonly number[], what: string): void {
  if (JSON.stringify(given) === JSON.stringify(expected)) return;
  throw new Error(`The ${what} should be [${expected}], but are [${given}]`);
}

const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);
const ascending = (a: number, b: number): number => a - b;
