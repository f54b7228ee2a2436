// Makes the types compile in projects whose lib setting lacks Disposable.
/// <reference lib="esnext.disposable" preserve="true" />
import type { Collate } from '../core/collate.js';
import { LoaderClosedError } from '../core/errors.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { zeroTensor } from '../core/tensor.js';
import { attachOrigin } from './batch/attach-origin.js';
import { TaskCollateContext } from './batch/collate-context.js';
import { collateAt } from './batch/collate-failure.js';
import type { Delivered } from './engine/delivered.js';
import type { Delivery } from './engine/delivery.js';
import { type GivenBatch, isDevelopment, type Loan, lend } from './engine/lent-batch.js';
import type { StatsRecorder } from './engine/loader-stats.js';
import { LoopTurn } from './engine/loop-turn.js';
import type { Observation } from './engine/observation.js';
import type { TunedEngine } from './engine/tuned-engine.js';
import type { LoaderOrder } from './order/loader-order.js';
import type { ResolvedOptions } from './resolve-options.js';
import type { LoaderProgress } from './state/loader-progress.js';

/** The parts of a loader that its passes share. */
export interface LoaderParts {
  readonly options: ResolvedOptions;
  readonly engine: TunedEngine;
  readonly progress: LoaderProgress;
  readonly stats: StatsRecorder;
  readonly observation: Observation;
}

/** What a pass iterates, once the dataset and the engine are open. */
export interface OpenedPass {
  readonly order: LoaderOrder;
  readonly delivery: Delivery;
}

/** Counts batches as delivered later than the pass hands them out. */
export interface HeldBatches {
  /** The pass has taken a result for the consumer. */
  hold(delivered: Delivered): void;
  /** Resolves when all are counted. */
  settled(): Promise<void>;
}

type Step<B> = IteratorResult<B, void>;

/**
 * One pass over a loader. Like an async generator, it starts with the first `next`, answers calls one after the
 * other, and ends after an error. Unlike a generator, it returns a batch that is ready without a turn of the event
 * loop.
 */
export class Pass<B, Reuse extends boolean, Traced extends boolean = false>
  implements AsyncGenerator<GivenBatch<B, Reuse, Traced>, void, undefined>
{
  readonly #parts: LoaderParts;
  readonly #open: (pass: object) => Promise<OpenedPass>;
  readonly #held: HeldBatches | undefined;
  readonly #loopTurn = new LoopTurn();
  readonly #isGuarded: boolean;
  #opened: OpenedPass | undefined;
  #over = false;
  /** How the pass ends, for observers; `undefined` once an error was reported. */
  #ending: 'complete' | 'left' | undefined = 'left';
  /** The lent batch that the consumer has. */
  #loan: Loan | undefined;
  /** When the last result arrived: `performance.now()`. */
  #lastDelivery = 0;
  /** The current call. */
  #pending: Promise<unknown> | undefined;

  /**
   * @param open - Opens the dataset and the engine, and makes this pass the loader's current one.
   * @param held - Counts the batches as delivered. @defaultValue they count when they are handed out
   */
  constructor(parts: LoaderParts, open: (pass: object) => Promise<OpenedPass>, held?: HeldBatches) {
    this.#parts = parts;
    this.#open = open;
    this.#held = held;
    this.#isGuarded = parts.options.reuseBuffers && isDevelopment();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step<GivenBatch<B, Reuse, Traced>>> {
    return this.#enqueue(this.#advance);
  }

  /** Ends the pass before its last batch. */
  return(): Promise<Step<GivenBatch<B, Reuse, Traced>>> {
    return this.#enqueue(this.#stop);
  }

  async throw(error: unknown): Promise<Step<GivenBatch<B, Reuse, Traced>>> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #enqueue(
    step: () => MaybePromise<Step<GivenBatch<B, Reuse, Traced>>>,
  ): Promise<Step<GivenBatch<B, Reuse, Traced>>> {
    const result = this.#pending ? this.#pending.then(step, step) : step();
    if (!(result instanceof Promise)) return Promise.resolve(result);
    this.#pending = result;
    const finished = (): void => {
      if (this.#pending === result) this.#pending = undefined;
    };
    result.then(finished, finished);
    return result;
  }

  readonly #advance = (): MaybePromise<Step<GivenBatch<B, Reuse, Traced>>> => {
    if (this.#over) return { done: true, value: undefined };
    try {
      const { isAmended } = this.#parts.progress;
      const step = this.#opened && !isAmended ? this.#pullInTurn(this.#opened) : this.#begin();
      return step instanceof Promise ? step.catch(this.#fail) : step;
    } catch (error) {
      return this.#fail(error);
    }
  };

  readonly #stop = (): MaybePromise<Step<GivenBatch<B, Reuse, Traced>>> => {
    if (this.#over) return { done: true, value: undefined };
    return this.#end();
  };

  async #begin(): Promise<Step<GivenBatch<B, Reuse, Traced>>> {
    const asked = performance.now();
    this.#parts.stats.wait(asked);
    this.#endLoan();
    const opening = this.#open(this);
    this.#parts.progress.open(opening);
    this.#opened = await opening;
    return this.#pull(this.#opened, asked);
  }

  #pullInTurn(opened: OpenedPass): MaybePromise<Step<GivenBatch<B, Reuse, Traced>>> {
    if (!this.#loopTurn.isDue(this.#lastDelivery)) return this.#pull(opened);
    return this.#loopTurn.take().then(() => this.#pull(opened));
  }

  /** @param waitingSince - When the consumer asked, if it has waited already. */
  #pull(opened: OpenedPass, waitingSince?: number): MaybePromise<Step<GivenBatch<B, Reuse, Traced>>> {
    this.#refuseSuperseded();
    this.#parts.progress.ask();
    const next = opened.delivery.next(waitingSince);
    // Most batches come without waiting: no closure for those, which would cost as much as the rest of the pass.
    if (!(next instanceof Promise)) return this.#take(next, opened);
    this.#parts.stats.wait(waitingSince ?? performance.now());
    return next.then((delivered) => this.#take(delivered, opened));
  }

  #complete(): MaybePromise<Step<GivenBatch<B, Reuse, Traced>>> {
    this.#parts.progress.completeEpoch();
    this.#ending = 'complete';
    return this.#end();
  }

  /** Takes a result of the engine; `undefined` stands for the end of the epoch. */
  #take(
    delivered: Delivered | undefined,
    opened: OpenedPass,
  ): MaybePromise<Step<GivenBatch<B, Reuse, Traced>>> {
    if (!delivered) return andThen(this.#held?.settled(), () => this.#complete());
    const { engine, progress, stats } = this.#parts;
    this.#lastDelivery = delivered.at;
    stats.record(delivered);
    engine.tune(stats);
    this.#endLoan();
    const { result } = delivered;
    const release = result.type === 'batch' ? result.release : undefined;
    if (release) this.#loan = { batch: undefined, end: release };
    if (!progress.accept(delivered)) return this.#pull(opened);
    const batch = this.#finish(delivered, opened.order);
    if (!(batch instanceof Promise)) return this.#give(batch, delivered, opened);
    return batch.then((collated) => this.#give(collated, delivered, opened));
  }

  /** Gives the consumer a batch; continues with the next result if this one has none. */
  #give(
    batch: unknown,
    delivered: Delivered,
    opened: OpenedPass,
  ): MaybePromise<Step<GivenBatch<B, Reuse, Traced>>> {
    const { engine, progress, observation } = this.#parts;
    this.#refuseSuperseded();
    if (delivered.life) observation.deliver(delivered, batch, engine.collatesHere);
    if (this.#held) this.#held.hold(delivered);
    else progress.deliver(delivered);
    const { result } = delivered;
    if (result.type !== 'batch') return this.#pull(opened);
    if (result.release) this.#loan = lend(batch, result.release, this.#isGuarded);
    const given = this.#loan?.batch ?? batch;
    if (result.origin) attachOrigin(given, result.origin);
    return { done: false, value: given as GivenBatch<B, Reuse, Traced> };
  }

  /** Collates a batch of samples from a worker, if the collate runs on this thread. */
  #finish({ planned: { task }, result }: Delivered, order: LoaderOrder): MaybePromise<unknown> {
    if (result.type !== 'batch') return undefined;
    const { engine, options } = this.#parts;
    if (!engine.collatesHere) return result.value;
    const collate = options.collate as unknown as Collate<unknown, unknown>;
    const context = new TaskCollateContext(zeroTensor, task, options);
    return collateAt(order.location, task, collate, result.value as unknown[], context);
  }

  readonly #fail = async (error: unknown): Promise<never> => {
    const { progress, observation } = this.#parts;
    if (progress.isCurrent(this)) {
      observation.end('failed', error);
      this.#ending = undefined;
      progress.recover();
    }
    await this.#end();
    throw error;
  };

  #end(): MaybePromise<Step<GivenBatch<B, Reuse, Traced>>> {
    const { engine, observation, options, progress, stats } = this.#parts;
    this.#over = true;
    // After another pass began, the waiting time is that of the other pass.
    if (!progress.isSuperseded(this)) stats.wait(undefined);
    this.#opened?.delivery.end();
    this.#endLoan();
    if (this.#ending) observation.end(this.#ending);
    progress.leave(this);
    const closed = options.persistentWorkers ? undefined : engine.close();
    return andThen(closed, (): Step<GivenBatch<B, Reuse, Traced>> => ({ done: true, value: undefined }));
  }

  #endLoan(): void {
    this.#loan?.end();
    this.#loan = undefined;
  }

  #refuseSuperseded(): void {
    if (!this.#parts.progress.isCurrent(this)) throw passEnded(this.#parts.progress);
  }
}

/** The error of a pass that another pass, a seek, a loaded state or `close` has ended. */
export function passEnded({ isClosed }: LoaderProgress): LoaderClosedError {
  if (isClosed) return loaderClosed();
  return new LoaderClosedError(
    'This iteration has ended: another iteration, a seek or a loaded state took its place',
    { next: 'Use one iteration of a loader at a time, or one loader for each.' },
  );
}

export function loaderClosed(): LoaderClosedError {
  return new LoaderClosedError('The loader is closed', { next: 'Create another DataLoader.' });
}
