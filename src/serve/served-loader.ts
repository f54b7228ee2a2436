import type { OpenedConfig } from '../config/opened-config.js';
import { CapabilityError, ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import type { Json, JsonObject } from '../core/json.js';
import { propertyOf } from '../core/property-of.js';
import { BatchSizeRamp } from '../curriculum/index.js';
import { WorkerModule } from '../datasets/worker-module.js';
import { DataLoader } from '../loader/index.js';
import { samplerName } from '../loader/order/fast-forward.js';
import type { OrderIdentity } from '../loader/order/loader-order.js';
import { datasetName } from '../loader/order/loader-order.js';
import type { PlannedBatch } from '../loader/order/loader-position.js';
import { type Fold, foldOf } from '../loader/state/batch-fold.js';
import type { ClientFacts } from '../monitor/dashboard/run-client.js';
import { BatchSampler } from '../samplers/index.js';
import type { BatchAddress, ClientRank } from './batch-address.js';
import type { BatchSamples } from './encode-batch.js';
import { type AnyDataLoader, Feed } from './feed.js';
import { Turns } from './turns.js';

/** Batches that are made before a client requests them. */
const batchesAhead = 2;

/** The description of a loader for clients. */
export interface LoaderDescription {
  readonly name: string;
  readonly fingerprint: string;
  /** Batches of a rank per epoch, micro-batches counted; `null` if unknown. */
  readonly length: number | null;
  readonly gradientAccumulationSteps: number;
  /** Why all batches must come from one server; `null` if any server can make any batch. */
  readonly bound: string | null;
  readonly seed: number;
  readonly identity: OrderIdentity;
  /** The amendments of the run, as states record them; absent without any. */
  readonly amendments?: JsonObject;
}

/** A loader of a rank: the description, and what its feeds are made from. */
interface RankLoader {
  readonly description: LoaderDescription;
  readonly loader: AnyDataLoader;
}

/** A loader that is served by name: to any number of clients, as any rank of any world size. */
export class ServedLoader {
  readonly name: string;
  readonly #open: (rank: ClientRank) => Promise<OpenedConfig>;
  readonly #first: OpenedConfig;
  readonly #opened: OpenedConfig[] = [];
  readonly #byRank = new Map<string, Promise<RankLoader>>();
  readonly #turns = new Turns();
  /** The feed that has the sampler, where feeds cannot share it. */
  #holder: Feed | undefined;

  private constructor(name: string, first: OpenedConfig, open: (rank: ClientRank) => Promise<OpenedConfig>) {
    this.name = name;
    this.#first = first;
    this.#opened.push(first);
    this.#open = open;
  }

  /**
   * @param open - Opens the configuration for a rank. Called again for each rank if the configuration is a function of it.
   * @throws {@link ConfigError} if it is not a `DataLoader`; whatever `open` throws
   */
  static async open(name: string, open: (rank: ClientRank) => Promise<OpenedConfig>): Promise<ServedLoader> {
    const served = new ServedLoader(name, await open({ rank: 0, worldSize: 1 }), open);
    await served.describe({ rank: 0, worldSize: 1 });
    return served;
  }

  /** @throws {@link ConfigError} when the loader cannot be shared among so many ranks */
  async describe(rank: ClientRank): Promise<LoaderDescription> {
    return (await this.#of(rank)).description;
  }

  /**
   * A feed for one client.
   *
   * @param inFlight - The requests that the client may have in flight.
   * @param client - Shown on the live page.
   * @throws {@link CapabilityError} naming a sampler that two clients cannot draw from
   */
  async feed(rank: ClientRank, inFlight: number, client: ClientFacts): Promise<Feed> {
    const { loader, description } = await this.#of(rank);
    const isShared =
      description.bound !== null && loader.batchSampler !== undefined && !this.#first.variesByRank;
    if (isShared && (this.#holder || rank.worldSize > 1)) throw this.#cannotShare(description.bound);
    // A bound loader keeps what it gave, for a request whose answer was lost.
    const how = { inOrder: true, reuseBuffers: description.bound === null };
    // All ranks and clients of a machine share the workers of the loader.
    const own = loader.variant({ ...how, workersOf: this.#first.loader as AnyDataLoader });
    await own.ready();
    const options = {
      canSeek: description.bound === null,
      ahead: batchesAhead,
      inFlight,
      turns: this.#turns,
      client,
    };
    const feed = new Feed(own, options, () => {
      if (this.#holder === feed) this.#holder = undefined;
    });
    if (isShared) this.#holder = feed;
    return feed;
  }

  /**
   * The samples of a batch, from the order alone.
   *
   * @throws {@link CapabilityError} for a bound loader, whose order is known by drawing or reading
   */
  async samplesOf(address: BatchAddress, rank: ClientRank): Promise<BatchSamples | undefined> {
    const { loader, description } = await this.#of(rank);
    if (description.bound !== null) {
      throw new CapabilityError(`${this.name} cannot say which samples a batch has: ${description.bound}`, {
        where: { loader: this.name },
        next: 'Transform the samples in the configuration instead.',
      });
    }
    return this.#planned(loader, address);
  }

  /** The fold of a batch in receipts, in hexadecimal; `undefined` for a bound loader. */
  async foldAt(address: BatchAddress, rank: ClientRank): Promise<string | undefined> {
    const { loader, description } = await this.#of(rank);
    if (description.bound !== null) return undefined;
    const planned = await this.#planned(loader, address);
    if (!planned) return undefined;
    const { epoch, step, microBatch, indices, positions } = planned;
    const batch = step * description.gradientAccumulationSteps + microBatch;
    return hexOf(foldOf({ type: 'indices', epoch, batch, indices, positions }));
  }

  /** Not while a feed is about to begin with the same sampler. */
  #planned(loader: AnyDataLoader, address: BatchAddress): Promise<PlannedBatch | undefined> {
    return this.#turns.run(async () => loader.order(address).next().value || undefined);
  }

  async close(): Promise<void> {
    for (const { close } of this.#opened) await close();
  }

  #of(rank: ClientRank): Promise<RankLoader> {
    const key = `${rank.rank}/${rank.worldSize}`;
    const known = this.#byRank.get(key);
    if (known) return known;
    const made = this.#make(rank);
    this.#byRank.set(key, made);
    made.catch(() => this.#byRank.delete(key));
    return made;
  }

  async #make(rank: ClientRank): Promise<RankLoader> {
    const config = this.#first.variesByRank ? await this.#open(rank) : this.#first;
    if (config !== this.#first) this.#opened.push(config);
    const { loader: given } = config;
    if (!(given instanceof DataLoader)) throw notServed(this.name);
    const loader = given.variant({ ...rank, inOrder: true, reuseBuffers: false });
    await loader.ready();
    return { loader, description: describe(this.name, loader) };
  }

  #cannotShare(why: string | null): CapabilityError {
    return new CapabilityError(`${this.name} can be served to one process only: ${why}`, {
      where: { loader: this.name },
      next: 'Use a sampler that computes its order from a seed, or export a function of { rank, worldSize }, which makes a sampler for each rank.',
    });
  }
}

function describe(name: string, loader: AnyDataLoader): LoaderDescription {
  const { gradientAccumulationSteps, seed } = loader.options;
  const { batchSize, dropLast, dataset, sampler, amendments } = loader.stateDict();
  const identity = { batchSize, dropLast, seed, dataset, sampler };
  return {
    name,
    fingerprint: fingerprintOf(loader, { ...identity, ...(amendments && { amendments }) }),
    length: lengthOf(loader),
    gradientAccumulationSteps,
    bound: whyBound(loader),
    seed,
    identity,
    ...(amendments && { amendments }),
  };
}

function hexOf(fold: Fold): string {
  return Buffer.from(Uint32Array.from(fold).buffer).toString('hex');
}

function lengthOf(loader: AnyDataLoader): number | null {
  if (epochsDiffer(loader)) return null;
  // A stream says its length only where it is known.
  try {
    return loader.length;
  } catch {
    return null;
  }
}

/** Whether epochs may have different numbers of batches: a client then finds the end of each. */
function epochsDiffer({ batchSampler }: AnyDataLoader): boolean {
  if (!(batchSampler instanceof BatchSizeRamp)) return batchSampler?.lengthOf !== undefined;
  return batchSampler.schedule.length > 1 || 'epochSamples' in batchSampler.sampler;
}

/** Why a batch is not a function of its address; `null` if it is one. */
function whyBound({ batchSampler, dataset, options }: AnyDataLoader): string | null {
  if (!batchSampler) return `${datasetName(dataset)} is a stream`;
  const name = samplerName(batchSampler) ?? 'the sampler';
  if (options.generator) return `${name} draws its order from a generator`;
  if (batchSampler.stateDict) return `${name} draws its order`;
  if (!batchSampler.seek) return `${name} cannot seek`;
  const sampler = batchSampler instanceof BatchSampler ? batchSampler.sampler : batchSampler;
  if (!sampler.fingerprint) return `${name} has no fingerprint, which would tell its orders apart`;
  const { seekable, deterministic } = batchSampler;
  return seekable && deterministic ? null : `${name} does not declare seekable and deterministic`;
}

/** The identity of what a batch is a function of, besides its address. */
function fingerprintOf(
  { options }: AnyDataLoader,
  identity: OrderIdentity & { readonly amendments?: JsonObject },
): string {
  const { gradientAccumulationSteps, onError, numberDtype, transform, collate } = options;
  const functions = { transform: codeOf(transform), collate: codeOf(collate) };
  return fingerprint({ ...identity, gradientAccumulationSteps, onError, numberDtype, ...functions });
}

/** Identifies a function on any machine: its text, or its module without the folder. */
function codeOf(value: unknown): Json {
  if (value === undefined) return null;
  if (value instanceof WorkerModule) {
    const file = value.module.slice(value.module.lastIndexOf('/') + 1);
    return { file, export: value.exportName, options: JSON.stringify(value.options ?? null) };
  }
  const padOptions = propertyOf(value, 'padOptions');
  const torchOptions = propertyOf(value, 'torchOptions');
  return padOptions || torchOptions ? JSON.stringify({ padOptions, torchOptions }) : String(value);
}

function notServed(name: string): ConfigError {
  const message =
    'is a DeepSpeedDataLoader, whose batches have no addresses: export a DataLoader or a configuration';
  return new ConfigError('millrace serve', [{ field: name, message }]);
}
