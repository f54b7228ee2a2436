import type { Collate } from '../../../core/collate.js';
import { isMapDataset } from '../../../core/dataset.js';
import { toErrorRecord } from '../../../core/error-record.js';
import { hasMethod } from '../../../core/property-of.js';
import { transferFailure } from '../../../core/recipe.js';
import { hasSharedMemory } from '../../../core/shared-buffer.js';
import { makeFromRecipe } from '../../../recipes/make-from-recipe.js';
import { type Rearrangement, rearranged } from '../../amend/rearrangement.js';
import { LentMemory, OwnedMemory, type SlotPlace } from '../../batch/batch-memory.js';
import type { BatchMaker, TaskResult } from '../../batch/batch-result.js';
import { createBatchMaker } from '../../batch/create-batch-maker.js';
import type { SampleCache } from '../../batch/sample-cache.js';
import type { BatchSteps, Transform } from '../../batch/sample-steps.js';
import { defaultRules, treeCollate } from '../../batch/tree-collate.js';
import { asDataset, type DatasetFacts, shapeOf } from '../../order/dataset-facts.js';
import { StageSampler, sharedMoment } from '../making-times.js';
import { openCache } from '../sample-cache/open-cache.js';
import { takeApart } from './detached-tensors.js';
import { OutcomeSender } from './outcome-sender.js';
import type {
  CollateSpec,
  FromWorker,
  NumberedTask,
  SlotLoan,
  TaskOutcome,
  ToWorker,
  WorkerSetup,
} from './protocol.js';
import { TaskStarts } from './task-starts.js';

const plainData =
  'Samples and batches that cross threads hold plain data: numbers, strings, typed arrays, tensors, arrays, objects.';

/** The channel to the main thread. */
export interface ProgramPort {
  on(event: 'message', listener: (message: ToWorker) => void): unknown;
  postMessage(message: FromWorker, transfer?: readonly ArrayBuffer[]): void;
  close(): void;
}

/** The last task of the programs of a thread. */
export interface ProgramTurn {
  last: Promise<void>;
}

interface Opened {
  readonly dataset: ReturnType<typeof asDataset>;
  readonly steps: BatchSteps;
  readonly cache: SampleCache | undefined;
  readonly maker: BatchMaker;
}

/** The program of a worker thread: opens the dataset, then makes batches in the order of the requests. */
export class WorkerProgram {
  readonly #port: ProgramPort;
  readonly #setup: WorkerSetup;
  readonly #currentPass: Int32Array;
  readonly #progress: Int32Array;
  readonly #memory: LentMemory | OwnedMemory;
  readonly #sender: OutcomeSender;
  #opened: Promise<Opened | undefined>;
  readonly #starts: TaskStarts;
  /** `undefined` while the loader is not observed. */
  #sampler: StageSampler | undefined;
  /** The memory of the previous loan. */
  #lentBuffer: ArrayBufferLike | undefined;
  readonly #turn: ProgramTurn;

  /** @param turn - Shared by the programs of a thread, which take turns. */
  constructor(port: ProgramPort, setup: WorkerSetup, turn: ProgramTurn = { last: Promise.resolve() }) {
    this.#port = port;
    this.#turn = turn;
    this.#setup = setup;
    this.#currentPass = new Int32Array(setup.currentPass);
    this.#progress = new Int32Array(setup.progress);
    this.#starts = new TaskStarts(setup.starts);
    const canLend = setup.reuseBuffers && hasSharedMemory;
    const memory = canLend
      ? new LentMemory(new Int32Array(setup.lentSlots), setup.wholePages)
      : new OwnedMemory();
    this.#memory = memory;
    const turnPage = () => (memory instanceof OwnedMemory ? memory.turnPage() : undefined);
    this.#sender = new OutcomeSender(port, turnPage, (outcome, error) => this.#refuse(outcome, error));
    this.#observe(setup.observed);
    this.#opened = this.#open();
    port.on('message', (message: ToWorker) => this.#receive(message));
  }

  #receive(message: ToWorker): void {
    switch (message.type) {
      case 'return':
        if (this.#memory instanceof OwnedMemory) this.#memory.takeBack(message.buffers);
        return;
      case 'work':
        if (!hasSharedMemory) this.#currentPass[0] = message.pass;
        this.#inTurn(() => this.#work(message.tasks, message.pass));
        return;
      case 'observe':
        this.#inTurn(() => this.#observe(message.on));
        return;
      case 'rearrange':
        this.#inTurn(() => this.#rearrange(message.rearrangement));
        return;
      case 'close':
        if (!hasSharedMemory) this.#currentPass[0]! += 1;
        this.#inTurn(() => this.#close());
    }
  }

  #inTurn(step: () => void | Promise<void>): void {
    this.#turn.last = this.#turn.last.then(step);
  }

  #observe(on: boolean): void {
    this.#sampler = on ? new StageSampler() : undefined;
  }

  async #open(): Promise<Opened | undefined> {
    const recipe = this.#setup.dataset;
    try {
      const origin = 'module' in recipe ? ` (export ${recipe.export} of ${recipe.module})` : '';
      const given = asDataset(await makeFromRecipe(recipe), origin);
      const { rearrangement } = this.#setup;
      const dataset = rearrangement ? await rearranged(given, rearrangement) : given;
      const steps = await this.#makeSteps();
      const cache = await openCache(this.#setup.cache, dataset);
      this.#post({ type: 'ready', facts: await this.#describe(dataset) });
      return this.#make(dataset, steps, cache);
    } catch (error) {
      this.#post({ type: 'failed', error: toErrorRecord(error) });
      return undefined;
    }
  }

  #make(dataset: Opened['dataset'], steps: BatchSteps, cache: SampleCache | undefined): Opened {
    const { settings, info } = this.#setup;
    const extras = { progress: this.#progress, cache };
    return { dataset, steps, cache, maker: createBatchMaker(dataset, steps, settings, info.id, extras) };
  }

  /** Keeps the dataset open, and makes the samples of later tasks from it in another arrangement. */
  async #rearrange(rearrangement: Rearrangement): Promise<void> {
    const opened = await this.#opened;
    if (!opened) return;
    const dataset = await rearranged(opened.dataset, rearrangement);
    this.#opened = Promise.resolve(this.#make(dataset, opened.steps, opened.cache));
  }

  /** Computing the fingerprint reads data that is in memory, so it is computed here only if the main thread cannot. */
  async #describe(dataset: ReturnType<typeof asDataset>): Promise<DatasetFacts> {
    if (!this.#setup.wantsFingerprint) return { ...shapeOf(dataset), fingerprint: '' };
    const { datasetFingerprint } = await import('../../../datasets/dataset-fingerprint.js');
    return { ...shapeOf(dataset), fingerprint: datasetFingerprint(dataset) };
  }

  async #makeSteps(): Promise<BatchSteps> {
    const { transform: recipe, collate } = this.#setup;
    const transform = recipe && (await makeFromRecipe<Transform>(recipe));
    const fused = transform === undefined && collate.type === 'default';
    return { transform, collate: await makeCollate(collate), fused };
  }

  async #work(tasks: readonly NumberedTask[], pass: number): Promise<void> {
    const opened = await this.#opened;
    // The main thread dropped the tasks of a worker that failed to start.
    if (!opened) return;
    announce(opened.dataset, tasks);
    for (const { id, task } of tasks) {
      // It has also dropped those of earlier passes.
      if (pass !== Atomics.load(this.#currentPass, 0)) break;
      Atomics.store(this.#progress, 0, id);
      this.#progress[1] = -1;
      const started = performance.now();
      this.#starts.note(id, sharedMoment(started));
      this.#memory.begin();
      this.#sampler?.begin(started);
      try {
        const made = opened.maker.make(task, this.#memory);
        // It may take long: finished batches must not wait for it.
        if (made instanceof Promise) this.#sender.flush();
        const result = made instanceof Promise ? await made : made;
        this.#finish(id, result, started);
      } catch (error) {
        this.#sampler?.end();
        this.#release(this.#memory.end().slot);
        this.#sender.add({ id, error: toErrorRecord(error) }, []);
      }
    }
    this.#sender.flush();
  }

  #finish(id: number, result: TaskResult, started: number): void {
    const memory = this.#memory;
    const { transfer, slot, place, overflowed } = memory.end();
    const stages = this.#sampler?.end();
    const startedAt = !hasSharedMemory && this.#sampler ? sharedMoment(started) : undefined;
    const makeMs = performance.now() - started;
    const made = { id, makeMs, ...(stages && { stages }), ...(startedAt !== undefined && { startedAt }) };
    if (result.type !== 'batch') {
      this.#release(slot);
      this.#sender.add({ ...made, result }, []);
    } else if (memory instanceof OwnedMemory) {
      const { value, tensors } = takeApart(result.value, memory.page);
      this.#sender.add({ ...made, result: { ...result, value }, small: tensors }, transfer);
    } else {
      const { buffer } = memory;
      const { value, tensors } = takeApart(result.value, buffer);
      const isKnown = buffer === this.#lentBuffer;
      const where = { ...(!isKnown && { buffer }), ...(this.#setup.wholePages && place && placeIn(place)) };
      const loan = slot === undefined ? undefined : { slot, tensors, ...where };
      if (loan) this.#lentBuffer = buffer;
      this.#sender.add({ ...made, result: { ...result, value, overflowed }, ...(loan && { loan }) }, []);
    }
  }

  /** The outcome for a batch that cannot be cloned. */
  #refuse(outcome: TaskOutcome, cause: unknown): TaskOutcome {
    if ('result' in outcome) this.#release(outcome.loan?.slot);
    // The buffer was in the rejected message.
    this.#lentBuffer = undefined;
    const error = transferFailure(cause, 'The batch cannot be sent from the worker', plainData);
    return { id: outcome.id, error: toErrorRecord(error) };
  }

  #release(slot: number | undefined): void {
    if (slot !== undefined && this.#memory instanceof LentMemory) this.#memory.release(slot);
  }

  /** Releases files and memory maps, which outlive a terminated thread. */
  async #close(): Promise<void> {
    const dataset = (await this.#opened)?.dataset;
    if (hasMethod(dataset, 'close')) await dataset.close();
    this.#port.close();
  }

  #post(message: FromWorker): void {
    this.#port.postMessage(message);
  }
}

function placeIn({ byteOffset, byteLength }: SlotPlace): Pick<SlotLoan, 'place'> {
  return { place: { byteOffset, byteLength } };
}

async function makeCollate(spec: CollateSpec): Promise<Collate<unknown, unknown> | undefined> {
  switch (spec.type) {
    case 'default':
      return treeCollate(defaultRules(spec.numberDtype));
    case 'pad':
      return (await import('../../batch/pad-collate.js')).padCollate(spec.options);
    case 'pack':
      return (await import('../../../tokens/pack-collate.js')).packCollate(spec.options) as Collate<
        unknown,
        unknown
      >;
    case 'mix':
      return (await import('../../../images/mix-collate.js')).mixCollate(spec.options) as Collate<
        unknown,
        unknown
      >;
    case 'torch':
      return treeCollate(
        (await import('../../../core/collate.js')).collateRules({ ...spec.options, parity: true }),
      );
    case 'module':
      return makeFromRecipe<Collate<unknown, unknown>>(spec.recipe);
    case 'none':
      return undefined;
  }
}

/** Lets the dataset prefetch for later tasks while the first ones are made. */
function announce(dataset: object, tasks: readonly NumberedTask[]): void {
  if (!isMapDataset(dataset) || !dataset.prefetch) return;
  for (const { task } of tasks) if (task.type === 'indices') dataset.prefetch(task.indices, task.epoch);
}
