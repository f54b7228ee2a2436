import { fromErrorRecord } from '../../../core/error-record.js';
import { LoaderClosedError, WorkerExitError } from '../../../core/errors.js';
import { transferFailure } from '../../../core/recipe.js';
import { hasSharedMemory, sharedBuffer } from '../../../core/shared-buffer.js';
import type { Rearrangement } from '../../amend/rearrangement.js';
import { maxSlots } from '../../batch/batch-memory.js';
import type { BatchResult, TaskResult } from '../../batch/batch-result.js';
import { locationOfTask } from '../../order/batch-task.js';
import type { DatasetFacts } from '../../order/dataset-facts.js';
import { type MakingTimes, moment } from '../making-times.js';
import { type LockPages, SlotPages } from '../slot-pages.js';
import type { Ticket } from '../ticket.js';
import { buffersOf, copiedFrom, putTogether, viewedIn } from './detached-tensors.js';
import type { FromWorker, NumberedTask, SlotLoan, TaskOutcome, ToWorker, WorkerSetup } from './protocol.js';
import { startThread } from './start-thread.js';
import { TaskStarts } from './task-starts.js';
import type { ThreadShare } from './thread-share.js';
import { WaitingTickets } from './waiting-tickets.js';
import type { CreateWorker } from './web-worker.js';
import type { WorkerThread } from './worker-thread.js';

/** Options of a worker besides its setup. */
export interface PoolWorkerResources {
  /** Locks the pages of lent batches. @defaultValue they are not locked */
  readonly lockPages?: LockPages | undefined;
  /** Makes the web workers in a browser. @defaultValue those that Millrace includes */
  readonly createWorker?: CreateWorker | undefined;
  /** The threads that loaders share. @defaultValue a thread of its own */
  readonly threads?: ThreadShare | undefined;
}

/** Callbacks from a worker to its pool. */
export interface PoolWorkerEvents {
  /** The worker has its dataset. @returns the problem of this dataset, if any */
  onReady(worker: PoolWorker, facts: DatasetFacts): Error | undefined;
  /** The worker has made a batch. */
  onBatch(): void;
  /**
   * The worker could not start, or ended: no further callbacks follow. Its {@link PoolWorker.tickets} are not
   * settled.
   */
  onFailure(worker: PoolWorker, error: Error): void;
}

/** Time for a worker to close its dataset before it is ended. */
const closingMs = 200;

type MadeOutcome = Extract<TaskOutcome, { result: unknown }>;

/** A thread that makes batches, with its pending tasks. */
export class PoolWorker {
  readonly thread: WorkerThread;
  /** Whether the worker has its dataset. */
  ready = false;
  readonly id: number;
  /** Whether batches are lent by transferring their buffers: `'bare'` if they are samples, which own their memory. */
  #handsOver: false | 'batch' | 'bare' = false;
  readonly #waiting = new WaitingTickets();
  readonly #events: PoolWorkerEvents;
  readonly #progress: Int32Array;
  readonly #lentSlots: Int32Array;
  readonly #starts = new TaskStarts();
  /** Whether the loader is observed. */
  #observed = false;
  readonly #pages: SlotPages | undefined;
  /** The memory of the worker's lent batches. */
  #buffer: ArrayBufferLike = new ArrayBuffer(0);
  readonly #exited: Promise<void>;
  #outbox: NumberedTask[] = [];
  #gone = false;
  #onDrained: (() => void) | undefined;

  /** Starts the thread, which waits for its setup: see {@link begin}. */
  constructor(id: number, events: PoolWorkerEvents, resources: PoolWorkerResources = {}) {
    const { lockPages, createWorker, threads } = resources;
    this.id = id;
    this.#pages = lockPages && new SlotPages(lockPages);
    this.#events = events;
    this.#progress = new Int32Array(sharedBuffer(8)).fill(-1);
    this.#lentSlots = new Int32Array(sharedBuffer(4 * maxSlots));
    this.thread = threads ? threads.join(id, createWorker) : startThread(id, createWorker);
    this.thread.on('message', (message: FromWorker) => this.#receive(message));
    this.thread.on('messageerror', (error) => this.#fail(error));
    this.thread.on('error', (error: Error) =>
      this.#fail(this.#exitError(`stopped on an error: ${error.message}`, error)),
    );
    this.#exited = new Promise((resolve) => {
      this.thread.on('exit', (code) => {
        const how = code === undefined ? '' : ` with exit code ${code}`;
        this.#fail(this.#exitError(`ended by itself${how}`));
        this.#pages?.unlock();
        resolve();
      });
    });
    this.thread.unref();
  }

  /** Sends the setup to the thread. @throws {@link WorkerTransferError} if it cannot be cloned */
  begin(setup: Omit<WorkerSetup, 'progress' | 'lentSlots' | 'starts'>): void {
    const progress = this.#progress.buffer;
    const lentSlots = this.#lentSlots.buffer;
    const starts = this.#starts.buffer;
    this.#observed = setup.observed;
    if (setup.reuseBuffers && !hasSharedMemory)
      this.#handsOver = setup.collate.type === 'none' ? 'bare' : 'batch';
    try {
      this.thread.postMessage({ ...setup, progress, lentSlots, starts } satisfies WorkerSetup);
    } catch (error) {
      throw transferFailure(error, 'The dataset cannot be moved into a worker');
    }
  }

  /** Unsettled tasks, in the order in which they are made. */
  get tickets(): readonly Ticket[] {
    return this.#waiting.list();
  }

  /** The current task, or the last one if the worker has ended; `undefined` while it opens its dataset or is idle. */
  get current(): Ticket | undefined {
    // If the worker cannot record it: the first unanswered task.
    if (!hasSharedMemory && this.ready) return this.tickets[0];
    return this.#waiting.get(this.#progress[0]!);
  }

  /** Number of tasks that are not settled. */
  get load(): number {
    return this.#waiting.size;
  }

  /** Adds a task; {@link flush} sends it. */
  submit(ticket: Ticket): void {
    this.#outbox.push({ id: this.#waiting.add(ticket), task: ticket.task });
  }

  flush(pass: number): void {
    if (this.#outbox.length === 0) return;
    this.#send({ type: 'work', pass, tasks: this.#outbox });
    this.#outbox = [];
  }

  observe(on: boolean): void {
    this.#observed = on;
    this.#send({ type: 'observe', on });
  }

  rearrange(rearrangement: Rearrangement): void {
    this.#send({ type: 'rearrange', rearrangement });
  }

  /** Drops the tasks in progress and their results; lent memory is released automatically. */
  forget(): void {
    this.#waiting.clear();
    this.#outbox = [];
    this.#onDrained?.();
  }

  /** Ends the worker when it has finished its tasks. */
  async retire(): Promise<void> {
    if (this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
      });
    }
    await this.close();
  }

  /** Lets the worker close its dataset, then ends it. */
  async close(): Promise<void> {
    this.#dismiss();
    this.#send({ type: 'close' });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closingMs);
    });
    this.thread.ref();
    await Promise.race([this.#exited, patience]);
    clearTimeout(timer);
    await (this.thread.leave?.() ?? this.thread.terminate());
  }

  /** Ends the worker immediately. */
  async abort(): Promise<void> {
    this.#dismiss();
    await this.thread.terminate();
  }

  /** Ignore all further messages of the worker. */
  #dismiss(): void {
    this.#gone = true;
    for (const ticket of this.tickets) ticket.reject(new LoaderClosedError('The workers were closed'));
    this.#waiting.clear();
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready': {
        this.ready = true;
        // Immediately: results of a worker with a different dataset may follow directly.
        const problem = this.#events.onReady(this, message.facts);
        if (problem) this.#fail(problem);
        return;
      }
      case 'failed':
        this.#fail(fromErrorRecord(message.error));
        return;
      case 'done': {
        const arrivedAt = this.#observed ? moment() : undefined;
        for (const outcome of message.outcomes) this.#settle(outcome, message.page, arrivedAt);
      }
    }
  }

  /** @param arrivedAt - `undefined` while the loader is not observed. */
  #settle(outcome: TaskOutcome, page: ArrayBuffer | undefined, arrivedAt: number | undefined): void {
    const ticket = this.#waiting.take(outcome.id);
    if (this.#waiting.size === 0) this.#onDrained?.();
    if ('error' in outcome) {
      ticket?.reject(fromErrorRecord(outcome.error));
      return;
    }
    const { result, makeMs, loan, small } = outcome;
    if (loan?.buffer) this.#buffer = loan.buffer;
    if (loan?.place) this.#pages?.lock(loan.slot, this.#buffer, loan.place);
    if (!ticket) {
      if (loan) this.#release(loan.slot);
      return;
    }
    this.#events.onBatch();
    ticket.makeMs = makeMs;
    if (arrivedAt !== undefined) {
      ticket.making = this.#makingOf(outcome, arrivedAt);
      ticket.readyAt = arrivedAt;
    }
    if (result.type !== 'batch') ticket.resolve(result);
    else if (loan) ticket.resolve(this.#lent(result, loan));
    else {
      const moved = this.#handsOver ? this.#returnable(result) : result;
      if (!page || !small?.length) ticket.resolve(moved);
      else {
        const value = putTogether({ value: moved.value, tensors: small }, copiedFrom(page));
        ticket.resolve({ ...moved, value });
      }
    }
  }

  #makingOf({ id, makeMs, stages, startedAt }: MadeOutcome, arrivedAt: number): MakingTimes {
    const begun = startedAt ?? this.#starts.of(id, this.#waiting.end) ?? arrivedAt - makeMs;
    return { worker: this.id, startedAt: begun, makeMs, stages };
  }

  /** A lent batch without shared memory: its buffers were transferred here, and are transferred back. */
  #returnable(result: BatchResult): BatchResult {
    const buffers = this.#handsOver === 'batch' ? buffersOf(result.value) : [];
    return { ...result, release: () => this.#send({ type: 'return', buffers }, buffers) };
  }

  #lent(result: BatchResult, { slot, tensors }: SlotLoan): TaskResult {
    const value = putTogether({ value: result.value, tensors }, viewedIn(this.#buffer));
    return { ...result, value, release: () => this.#release(slot) };
  }

  #release(slot: number): void {
    Atomics.store(this.#lentSlots, slot, 0);
  }

  #send(message: ToWorker, transfer?: readonly ArrayBuffer[]): void {
    this.thread.postMessage(message, transfer);
  }

  /** Ends the worker and reports its failure. */
  #fail(error: Error): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#events.onFailure(this, error);
    this.#onDrained?.();
  }

  /** Location of the batch that the worker was making, and of the sample in it. */
  #place(): Record<string, string | number> {
    const held = this.current ?? this.tickets[0];
    if (!held) return {};
    const place = locationOfTask(held.task);
    const position = this.#progress[1]!;
    if (held.task.type !== 'indices' || !this.current || position < 0) return place;
    return { ...place, sample: held.task.indices[position]! };
  }

  #exitError(what: string, cause?: Error): WorkerExitError {
    return new WorkerExitError(`Worker ${this.id} ${what}`, {
      where: { worker: this.id, ...this.#place() },
      next:
        'The batch it was making and the ones behind it were not delivered: iterate again to continue there with new ' +
        `workers, or pass onError: 'retry' to have that done. Out of memory? Use fewer workers or a smaller prefetchFactor.`,
      cause,
    });
  }
}
