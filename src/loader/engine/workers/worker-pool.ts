import { LoaderClosedError, WorkerExitError, WorkerTransferError } from '../../../core/errors.js';
import { sharedBuffer } from '../../../core/shared-buffer.js';
import { getWorkerInfo } from '../../../core/worker-info.js';
import type { Rearrangement } from '../../amend/rearrangement.js';
import type { BatchTask } from '../../order/batch-task.js';
import type { DatasetFacts } from '../../order/dataset-facts.js';
import type { BatchEngine } from '../batch-engine.js';
import type { Ticket } from '../ticket.js';
import { PoolWorker, type PoolWorkerEvents, type PoolWorkerResources } from './pool-worker.js';
import type { WorkerSetup } from './protocol.js';

export interface WorkerPoolOptions extends PoolWorkerResources {
  readonly numWorkers: number;
  /** Maximum number of tasks in progress per worker. */
  readonly prefetchFactor: number;
  /** Facts of the dataset on the main thread, if it is there: those of the workers must match. */
  readonly facts: DatasetFacts | undefined;
  /** Whether to replace a worker that ends unexpectedly. */
  readonly restart: boolean;
}

type PoolSetup = Omit<WorkerSetup, 'info' | 'currentPass' | 'progress' | 'lentSlots' | 'starts' | 'observed'>;

export { ThreadShare } from './thread-share.js';

/** Number of workers that may end over the same batch, or while they start, before it is taken for the cause. */
const maxDeaths = 3;

/** Threads that make batches. Idle, they do not keep the process alive. */
export class WorkerPool implements BatchEngine {
  #setup: PoolSetup | undefined;
  readonly #restart: boolean;
  readonly #resources: PoolWorkerResources;
  readonly #workers: PoolWorker[] = [];
  /** Surplus workers that finish their tasks. */
  readonly #retiring = new Set<PoolWorker>();
  readonly #currentPass = new Int32Array(sharedBuffer(4));
  /** Facts of the dataset in the first worker that has it, or on the main thread. */
  readonly #facts: Promise<DatasetFacts>;
  #numWorkers: number;
  #prefetchFactor: number;
  #known: DatasetFacts | undefined;
  #resolveFacts!: (facts: DatasetFacts) => void;
  #rejectFacts!: (error: Error) => void;
  #broken: Error | undefined;
  /** The task of the last worker that died, and how often in a row workers died over it. */
  #lastDeath: { readonly at: Ticket | 'opening'; readonly times: number } | undefined;
  #holding = false;
  #observed = false;
  restarts = 0;

  /**
   * @param makeSetup - Builds the setup of the workers. Called once.
   * @throws what `makeSetup` throws, and {@link WorkerTransferError} when the dataset or a step does not survive structured
   *   cloning, or when this already is a worker: then the dataset's module starts a loader while it is imported.
   */
  constructor(makeSetup: () => PoolSetup, options: WorkerPoolOptions) {
    refuseNesting();
    this.#restart = options.restart;
    this.#resources = options;
    this.#numWorkers = options.numWorkers;
    this.#prefetchFactor = options.prefetchFactor;
    this.#facts = new Promise((resolve, reject) => {
      this.#resolveFacts = resolve;
      this.#rejectFacts = reject;
    });
    this.#facts.catch(() => {});
    if (options.facts) this.#know(options.facts);
    // Starting threads and sharing the data of a dataset both take time: do both at once.
    this.resize(options.numWorkers, options.prefetchFactor);
    try {
      this.#setup = makeSetup();
      for (const worker of this.#workers) this.#begin(worker, this.#setup);
    } catch (error) {
      void this.abort();
      throw error;
    }
  }

  get numWorkers(): number {
    return this.#workers.length;
  }

  get window(): number {
    return this.#workers.length * this.#prefetchFactor;
  }

  /** Whether a worker has failed, so that the pool must be replaced. */
  get broken(): boolean {
    return this.#broken !== undefined;
  }

  async facts(): Promise<DatasetFacts> {
    this.ref();
    try {
      return await this.#facts;
    } finally {
      this.unref();
    }
  }

  resize(numWorkers: number, prefetchFactor: number): void {
    this.#prefetchFactor = prefetchFactor;
    this.#numWorkers = numWorkers;
    while (this.#workers.length < numWorkers) this.#workers.push(this.#start(this.#workers.length));
    while (this.#workers.length > numWorkers) {
      const worker = this.#workers.pop()!;
      this.#retiring.add(worker);
      void worker.retire().then(() => this.#retiring.delete(worker));
    }
  }

  observe(on: boolean): void {
    this.#observed = on;
    for (const worker of this.#alive()) worker.observe(on);
  }

  rearrange(rearrangement: Rearrangement): void {
    // Workers that start later too.
    if (this.#setup) this.#setup = { ...this.#setup, rearrangement };
    for (const worker of this.#workers) worker.rearrange(rearrangement);
  }

  submit(ticket: Ticket): void {
    if (this.#broken) ticket.reject(this.#broken);
    else this.#chooseWorker(ticket.task).submit(ticket);
  }

  flush(): void {
    for (const worker of this.#workers) worker.flush(this.#currentPass[0]!);
  }

  ref(): void {
    this.#holding = true;
    for (const { thread } of this.#alive()) thread.ref();
  }

  unref(): void {
    this.#holding = false;
    for (const { thread } of this.#alive()) thread.unref();
  }

  cancel(): void {
    Atomics.add(this.#currentPass, 0, 1);
    for (const worker of this.#alive()) worker.forget();
  }

  async abort(): Promise<void> {
    this.#fail(new LoaderClosedError('The workers were closed'));
    await Promise.all(this.#alive().map((worker) => worker.abort()));
  }

  async close(): Promise<void> {
    this.#fail(new LoaderClosedError('The workers were closed'));
    // They do not start further tasks.
    Atomics.add(this.#currentPass, 0, 1);
    await Promise.all(this.#alive().map((worker) => worker.close()));
  }

  #alive(): PoolWorker[] {
    return this.#retiring.size === 0 ? this.#workers : [...this.#workers, ...this.#retiring];
  }

  #start(id: number): PoolWorker {
    const events: PoolWorkerEvents = {
      onReady: (ready, facts) => this.#compare(ready.id, facts),
      onBatch: () => {
        // So the dataset can be opened, and one worker that cannot open it is not fatal.
        if (this.#lastDeath?.at === 'opening') this.#lastDeath = undefined;
      },
      onFailure: (failed, error) => this.#onFailure(failed, error),
    };
    const worker = new PoolWorker(id, events, this.#resources);
    if (this.#setup) this.#begin(worker, this.#setup);
    if (this.#holding) worker.thread.ref();
    return worker;
  }

  #begin(worker: PoolWorker, setup: PoolSetup): void {
    const info = { id: worker.id, numWorkers: this.#numWorkers, seed: setup.settings.seed };
    const { buffer: currentPass } = this.#currentPass;
    worker.begin({ ...setup, info, observed: this.#observed, currentPass });
  }

  /** A stream stays with its worker; any other batch goes to the least busy worker. */
  #chooseWorker(task: BatchTask): PoolWorker {
    const count = this.#workers.length;
    if (task.type === 'stream')
      return this.#workers[((this.#known?.numShards ?? 1) > 1 ? task.shard : task.ordinal) % count]!;
    let chosen = this.#workers[task.batch % count]!;
    for (const worker of this.#workers) if (burden(worker) < burden(chosen)) chosen = worker;
    return chosen;
  }

  #onFailure(failed: PoolWorker, error: Error): void {
    const { tickets } = failed;
    if (this.#restart && error instanceof WorkerExitError && !this.#repeats(failed)) {
      const place = this.#workers.indexOf(failed);
      if (place >= 0) this.#workers[place] = this.#start(failed.id);
      this.restarts += 1;
      // A batch depends on its task alone, so every worker makes the same batch.
      for (const ticket of tickets) this.#chooseWorker(ticket.task).submit(ticket);
      this.flush();
      return;
    }
    this.#fail(error);
    for (const ticket of tickets) ticket.reject(error);
  }

  /**
   * Whether enough workers have died over one batch, or while they opened the dataset, that the next one would die
   * too.
   */
  #repeats({ current, ready }: PoolWorker): boolean {
    const at = current ?? (ready ? undefined : 'opening');
    if (at === undefined) return false;
    this.#lastDeath = { at, times: this.#lastDeath?.at === at ? this.#lastDeath.times + 1 : 1 };
    return this.#lastDeath.times >= maxDeaths;
  }

  #know(facts: DatasetFacts): void {
    this.#known = facts;
    this.#resolveFacts(facts);
  }

  #fail(error: Error): void {
    this.#broken ??= error;
    this.#rejectFacts(error);
  }

  /** The problem of a worker's dataset: one that differs between workers would mix samples. */
  #compare(id: number, own: DatasetFacts): Error | undefined {
    const known = this.#known;
    if (!known) {
      this.#know(own);
      return undefined;
    }
    if (own.length === known.length && own.numShards === known.numShards) return undefined;
    return new WorkerTransferError(
      `The dataset has ${own.length} samples in worker ${id} and ${known.length} elsewhere`,
      { where: { worker: id }, next: 'Its module must give the same dataset each time it is imported.' },
    );
  }
}

/** Load of a worker; opening its dataset counts as one batch. */
function burden(worker: PoolWorker): number {
  return worker.load + (worker.ready ? 0 : 1);
}

function refuseNesting(): void {
  if (getWorkerInfo() === null) return;
  throw new WorkerTransferError('A loader with workers was started inside a worker of another one', {
    next:
      'The module of a dataset is imported in every worker: move the code that trains out of it, or guard it with ' +
      'if (getWorkerInfo() === null).',
  });
}
