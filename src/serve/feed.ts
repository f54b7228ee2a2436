import { setImmediate } from 'node:timers/promises';
import type { DType } from '../core/dtype.js';
import { LoaderClosedError } from '../core/errors.js';
import { mapTensors } from '../core/map-tensors.js';
import type { Tensor } from '../core/tensor.js';
import type { DataLoader } from '../loader/index.js';
import { positionOf } from '../loader/order/loader-position.js';
import { type ClientFacts, type ClientFigures, setRunClient } from '../monitor/dashboard/run-client.js';
import type { LoaderEvent } from '../monitor/loader-events.js';
import type { Turns } from './turns.js';

export type AnyDataLoader = DataLoader<unknown, DType, unknown, unknown, boolean>;

/**
 * What is at an address: a batch; nothing, because its samples were skipped; or nothing, because the epoch has ended. `done` must be
 * called when the batch was read: its memory is then used for another one.
 */
export type Outcome =
  | { readonly type: 'batch'; readonly batch: unknown; readonly done: () => void }
  | { readonly type: 'skipped' }
  | { readonly type: 'end' };

/** An outcome, or the error of making it. */
type Made = Outcome | { readonly type: 'failed'; readonly error: unknown };

/** How a feed reads. */
export interface FeedOptions {
  /** Whether the loader can begin at any batch for nothing. */
  readonly canSeek: boolean;
  /** Batches that may be made before they are requested. */
  readonly ahead: number;
  /** The requests that a client has in flight, and so how far they may be out of order. */
  readonly inFlight: number;
  /** Makes feeds that share a sampler begin one after the other. */
  readonly turns: Turns;
  /** The client, for the live page. */
  readonly client: ClientFacts;
}

interface Request {
  readonly epoch: number;
  readonly batch: number;
  /** When it arrived, by `performance.now()`. */
  readonly since: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The batches of one loader for one client. It follows a client that asks in sequence with one pass over the loader, a few
 * batches ahead, and seeks when the client asks for something else. Memory: `ahead` batches, and those in flight.
 */
export class Feed {
  readonly #loader: AnyDataLoader;
  readonly #options: FeedOptions;
  readonly #requests: Request[] = [];
  /** Outcomes of the epoch that were made but not sent, or that may be requested again. */
  readonly #made = new Map<number, Made>();
  #pass: AsyncIterator<unknown> | undefined;
  #epoch = -1;
  /** The batch that the pass gives next. */
  #next = 0;
  /** The batch after the last one that was requested. */
  #asked = 0;
  /** The first batch that the epoch does not have; found by reading a stream. */
  #end = Number.POSITIVE_INFINITY;
  /** Whether reading ahead waits for a request: nothing is read ahead of an error. */
  #isHeld = true;
  #isRunning = false;
  #batches = 0;
  #isClosed = false;
  readonly #onClose: () => void;

  /** @param onClose - Called when the feed is closed. */
  constructor(loader: AnyDataLoader, options: FeedOptions, onClose: () => void) {
    this.#loader = loader;
    this.#options = options;
    this.#onClose = onClose;
    setRunClient(loader, { facts: options.client, figures: () => this.#figures() });
    if (loader.options.onError === 'skip') loader.observe((event) => this.#noteSkipped(event));
  }

  /**
   * What is at an address. Calls may overlap.
   *
   * @param batch - Number of the batch within its epoch, micro-batches counted.
   * @param onGone - Receives what to call when the client has gone: then nothing is made for the request.
   */
  request(epoch: number, batch: number, onGone: (drop: () => void) => void): Promise<Outcome> {
    if (this.#isClosed) return Promise.reject(feedClosed());
    return new Promise((resolve, reject) => {
      const request = { epoch, batch, since: performance.now(), resolve, reject };
      this.#requests.push(request);
      onGone(() => this.#drop(request));
      void this.#run();
    });
  }

  #figures(): ClientFigures {
    const now = performance.now();
    const oldest = this.#requests.reduce((least, { since }) => Math.min(least, since), now);
    return { batches: this.#batches, inFlight: this.#requests.length, waitingMs: now - oldest };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { reject } of this.#requests.splice(0)) reject(feedClosed());
    this.#made.clear();
    await this.#loader.close();
    this.#onClose();
  }

  #drop(request: Request): void {
    const place = this.#requests.indexOf(request);
    if (place >= 0) this.#requests.splice(place, 1);
  }

  /** Serves requests and reads ahead until there is nothing to do. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Requests that arrived together are seen together, so that the lowest comes first.
    await setImmediate();
    while (!this.#isClosed) {
      this.#answer();
      const request = this.#lowest();
      if (request) await this.#makeFor(request);
      else if (this.#mayReadAhead()) await this.#make();
      else break;
      // Making batches on this thread must not keep requests from arriving.
      await setImmediate();
    }
    this.#isRunning = false;
  }

  /** Gives out what is there. */
  #answer(): void {
    for (const request of [...this.#requests]) {
      if (request.epoch !== this.#epoch) continue;
      const { batch } = request;
      const outcome = this.#made.get(batch) ?? (batch >= this.#end ? ({ type: 'end' } as const) : undefined);
      if (!outcome) continue;
      this.#asked = Math.max(this.#asked, batch + 1);
      this.#drop(request);
      if (outcome.type === 'failed') request.reject(outcome.error);
      else {
        if (outcome.type === 'batch') this.#batches += 1;
        request.resolve(outcome);
      }
      // What can be made again is not kept. Otherwise it stays for a request whose answer was lost.
      if (this.#options.canSeek || outcome.type === 'failed') this.#made.delete(batch);
    }
    const oldest = this.#asked - 2 * this.#options.inFlight;
    for (const batch of this.#made.keys()) if (batch < oldest) this.#made.delete(batch);
  }

  /** The first request of the epoch that is being read, or else of another one. */
  #lowest(): Request | undefined {
    const ofEpoch = this.#requests.filter(({ epoch }) => epoch === this.#epoch);
    const candidates = ofEpoch.length > 0 ? ofEpoch : this.#requests;
    return candidates.reduce<Request | undefined>(
      (first, request) => (first && first.batch <= request.batch ? first : request),
      undefined,
    );
  }

  #mayReadAhead(): boolean {
    if (!this.#pass || this.#isHeld) return false;
    return this.#next < this.#asked + this.#options.ahead;
  }

  async #makeFor(request: Request): Promise<void> {
    const { epoch, batch } = request;
    try {
      this.#asked = epoch === this.#epoch ? Math.max(this.#asked, batch) : batch;
      if (!this.#leadsTo(epoch, batch)) this.#seek(epoch, batch);
      this.#isHeld = false;
      await this.#make();
    } catch (error) {
      this.#forgetPass();
      this.#drop(request);
      request.reject(error);
    }
  }

  /** Whether the pass comes to a batch soon. */
  #leadsTo(epoch: number, batch: number): boolean {
    if (!this.#pass || epoch !== this.#epoch || batch < this.#next) return false;
    return !this.#options.canSeek || batch - this.#next <= 2 * this.#options.inFlight;
  }

  #seek(epoch: number, batch: number): void {
    this.#forgetPass();
    this.#made.clear();
    if (epoch !== this.#epoch) this.#end = this.#knownEnd(epoch);
    this.#epoch = epoch;
    this.#next = batch;
    this.#asked = batch;
  }

  #knownEnd(epoch: number): number {
    const { batchSampler, options } = this.#loader;
    if (!batchSampler) return Number.POSITIVE_INFINITY;
    if (!batchSampler.lengthOf) return this.#loader.length;
    return batchSampler.lengthOf(epoch) * options.gradientAccumulationSteps;
  }

  /** Takes the next batch of the pass. */
  async #make(): Promise<void> {
    if (this.#next >= this.#end) {
      this.#isHeld = true;
      return;
    }
    try {
      const { done, value } = await (this.#pass ? this.#pass.next() : this.#begin());
      if (done) {
        this.#end = this.#next;
        this.#forgetPass();
      } else await this.#handOver(value);
    } catch (error) {
      this.#forgetPass();
      this.#made.set(this.#next, { type: 'failed', error });
    }
  }

  /** Gives a batch to a request that waits for it, or keeps a copy. A lent batch must be read before the next one is made. */
  async #handOver(batch: unknown): Promise<void> {
    const number = this.#next++;
    const isLent = this.#loader.options.reuseBuffers;
    const request = this.#requests.find(
      (waiting) => waiting.epoch === this.#epoch && waiting.batch === number,
    );
    if (!isLent || !request) {
      const kept = isLent ? mapTensors(batch, copyOf) : batch;
      this.#made.set(number, { type: 'batch', batch: kept, done: () => {} });
      return;
    }
    this.#asked = Math.max(this.#asked, number + 1);
    this.#drop(request);
    this.#batches += 1;
    await new Promise<void>((done) => request.resolve({ type: 'batch', batch, done }));
  }

  /** Begins a pass where {@link #seek} has pointed. @returns its first batch */
  #begin(): Promise<IteratorResult<unknown>> {
    return this.#options.turns.run(() => {
      const { gradientAccumulationSteps } = this.#loader.options;
      this.#loader.seek({ epoch: this.#epoch, ...positionOf(this.#next, gradientAccumulationSteps) });
      this.#pass = this.#loader[Symbol.asyncIterator]();
      return this.#pass.next();
    });
  }

  #forgetPass(): void {
    this.#pass = undefined;
    this.#isHeld = true;
  }

  /** Where errors are skipped, a batch may vanish: the pass continues with the next one. */
  #noteSkipped(event: LoaderEvent): void {
    if (event.type === 'delivered' && event.value === undefined)
      this.#made.set(this.#next++, { type: 'skipped' });
  }
}

function copyOf({ dtype, shape, data }: Tensor): Tensor {
  return { dtype, shape, data: data.slice() };
}

function feedClosed(): LoaderClosedError {
  return new LoaderClosedError('The server has closed this loader', {
    next: 'The client has ended its session, or the server is closing.',
  });
}
