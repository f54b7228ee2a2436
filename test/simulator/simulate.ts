import { type DataLoader, type LoaderState, MillraceError } from 'millrace';
import { verifyReceipt } from 'millrace/receipts';
import { replaceThreads } from '../../dist/loader/engine/workers/start-thread.js';
import {
  amendmentFor,
  expectedEpochs,
  type Job,
  type JobAmendment,
  loaderOf,
  makeJob,
  numbers,
  same,
} from './job.js';
import { SimulatedThread } from './simulated-thread.js';
import { Dice, VirtualClock } from './virtual-clock.js';

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
  /** Those of weights, and of data. */
  readonly weightChanges: number;
  readonly dataChanges: number;
}

/** A state that was saved, and how much had been delivered then. */
interface Checkpoint {
  readonly state: LoaderState;
  readonly units: number;
  readonly place: number;
}

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
  #weightChanges = 0;
  #dataChanges = 0;
  /** The batches that should come, by epoch. */
  #expected: number[][][] = [];

  constructor(seed: number, clock: VirtualClock) {
    this.#clock = clock;
    this.#dice = new Dice(seed);
    this.#job = makeJob(this.#dice);
  }

  async run(): Promise<Outcome> {
    const before = replaceThreads((id) => {
      const thread = new SimulatedThread(id, this.#clock, this.#dice);
      this.#threads.push(thread);
      return thread;
    });
    try {
      let checkpoint: Checkpoint | undefined;
      this.#expected = await this.#clock.until(expectedEpochs(this.#job));
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
      weightChanges: this.#weightChanges,
      dataChanges: this.#dataChanges,
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
    return loaderOf(this.#job, { ...start, rank });
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
      if (from) await this.#continue(loader, from.state);
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
    for (const amendment of this.#job.amendments) {
      if (step !== undefined && Math.abs(step - amendment.at) > 1e-9) continue;
      await loader.amend(amendmentFor(this.#job, amendment));
      this.#amended += 1;
      if (amendment.weights) this.#weightChanges += 1;
      if (amendment.grows) this.#dataChanges += 1;
    }
  }

  /** Loads a state into a loader of another process, which gets the data that the run had got before. */
  async #continue(loader: DataLoader<number>, state: LoaderState): Promise<void> {
    if (this.#job.amendsLive)
      await this.#repeat(loader, state.amendments, ({ grows }) => grows !== undefined);
    loader.loadStateDict(JSON.parse(JSON.stringify(state)));
    await loader.ready();
  }

  /** Makes the amendments again that a state or receipt has. */
  async #repeat(
    loader: DataLoader<number>,
    amendments: object | undefined,
    isWanted: (amendment: JobAmendment) => boolean,
  ): Promise<void> {
    const made = new Set(Object.values(amendments ?? {}).flatMap((all: [number][]) => all.map(([at]) => at)));
    for (const amendment of this.#job.amendments)
      if (made.has(amendment.at) && isWanted(amendment))
        await loader.amend(amendmentFor(this.#job, amendment));
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
    await this.#amend(loader);
    if (from) await this.#continue(loader, from.state);
    let checkpoint = from ?? { state: loader.stateDict(), units: 0, place: 0 };
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
        this.#places.push(this.#startOf(lease.epoch) + lease.step + microBatches);
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
    await this.#repeat(other, receipt.amendments, () => true);
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

  /** The global step with which an epoch begins. */
  #startOf(epoch: number): number {
    return this.#expected.slice(0, epoch).flat().length;
  }

  /** Compares what came with what the order says. */
  #check(): void {
    const expected = this.#expected.flat();
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

const ascending = (a: number, b: number): number => a - b;
