// The program of a worker thread: makes the dataset from its recipe, then batches, in the order in which they are asked for.
import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';
import type { Collate } from '../../core/collate.js';
import { collateTree } from '../../core/collate-tree.js';
import { isMapDataset } from '../../core/dataset.js';
import { toErrorRecord } from '../../core/error-record.js';
import { transferFailure } from '../../core/recipe.js';
import { stackTensors } from '../../core/stack-tensors.js';
import { makeFromRecipe } from '../../datasets/make-from-recipe.js';
import { createBatchMaker } from '../batch-maker.js';
import { LentMemory, OwnedMemory } from '../batch-memory.js';
import type { BatchMaker, TaskResult } from '../batch-task.js';
import { asDataset, type DatasetFacts, shapeOf } from '../dataset-facts.js';
import { takeApart } from '../detached-tensors.js';
import type { BatchSteps, Transform } from '../sample-steps.js';
import { setWorkerInfo } from '../worker-info.js';
import { OutcomeSender } from './outcome-sender.js';
import type {
  CollateSpec,
  FromWorker,
  NumberedTask,
  TaskOutcome,
  ToWorker,
  WorkerSetup,
} from './protocol.js';

const port = parentPort!;
// The main thread puts it together while this one starts.
const [setup] = (await once(port, 'message')) as [WorkerSetup];
const currentPass = new Int32Array(setup.currentPass);
const progress = new Int32Array(setup.progress);
const memory = setup.reuseBuffers ? new LentMemory(new Int32Array(setup.lentSlots)) : new OwnedMemory();
/** The memory of the last loan. */
let lentBuffer: ArrayBufferLike | undefined;
const sender = new OutcomeSender(port, turnPage, refuse);

const plainData =
  'Samples and batches that cross threads hold plain data: numbers, strings, typed arrays, tensors, arrays, objects.';

setWorkerInfo(setup.info);
const opened = open();
let queue: Promise<void> = Promise.resolve();

port.on('message', (message: ToWorker) => {
  if (message.type === 'close') {
    queue = queue.then(close);
    return;
  }
  queue = queue.then(() => work(message.tasks, message.pass));
});

interface Opened {
  readonly dataset: object;
  readonly maker: BatchMaker;
}

async function open(): Promise<Opened | undefined> {
  try {
    const origin =
      'module' in setup.dataset ? ` (export ${setup.dataset.export} of ${setup.dataset.module})` : '';
    const dataset = asDataset(await makeFromRecipe(setup.dataset), origin);
    const steps = await makeSteps();
    post({ type: 'ready', facts: await describe(dataset) });
    return { dataset, maker: createBatchMaker(dataset, steps, setup.settings, setup.info.id, progress) };
  } catch (error) {
    post({ type: 'failed', error: toErrorRecord(error) });
    return undefined;
  }
}

/** The fingerprint takes reading data that is in memory, so it is made only where nobody else can. */
async function describe(dataset: ReturnType<typeof asDataset>): Promise<DatasetFacts> {
  if (!setup.wantsFingerprint) return { ...shapeOf(dataset), fingerprint: '' };
  const { datasetFingerprint } = await import('../../datasets/dataset-fingerprint.js');
  return { ...shapeOf(dataset), fingerprint: datasetFingerprint(dataset) };
}

async function makeSteps(): Promise<BatchSteps> {
  const transform = setup.transform && ((await makeFromRecipe(setup.transform)) as Transform);
  const fused = transform === undefined && setup.collate.type === 'default';
  return { transform, collate: await makeCollate(setup.collate), fused };
}

async function makeCollate(spec: CollateSpec): Promise<Collate<unknown, unknown> | undefined> {
  switch (spec.type) {
    case 'default': {
      const rules = { numberDtype: spec.numberDtype, stack: stackTensors, parity: false };
      return (samples, { allocate }) => collateTree(samples, rules, allocate);
    }
    case 'pad':
      return (await import('../pad-collate.js')).padCollate(spec.options);
    case 'torch':
      return (await import('../torch-collate.js')).torchCollate(spec.options);
    case 'module':
      return (await makeFromRecipe(spec.recipe)) as Collate<unknown, unknown>;
    case 'none':
      return undefined;
  }
}

async function work(tasks: readonly NumberedTask[], pass: number): Promise<void> {
  const ready = await opened;
  // The main thread dropped the tasks of a worker that failed to start.
  if (!ready) return;
  announce(ready.dataset, tasks);
  for (const { id, task } of tasks) {
    // It dropped those of earlier passes, too.
    if (pass !== Atomics.load(currentPass, 0)) return;
    Atomics.store(progress, 0, id);
    progress[1] = -1;
    const started = performance.now();
    memory.begin();
    try {
      const made = ready.maker.make(task, memory);
      // It may take long: what is done must not wait for it.
      if (made instanceof Promise) sender.flush();
      const result = made instanceof Promise ? await made : made;
      finish(id, result, performance.now() - started);
    } catch (error) {
      release(memory.end().slot);
      sender.add({ id, error: toErrorRecord(error) }, []);
    }
  }
  sender.flush();
}

/** Lets the dataset fetch what the later tasks will need while the first ones are made. */
function announce(dataset: object, tasks: readonly NumberedTask[]): void {
  if (!isMapDataset(dataset) || !dataset.prefetch) return;
  for (const { task } of tasks) if (task.type === 'indices') dataset.prefetch(task.indices);
}

function finish(id: number, result: TaskResult, makeMs: number): void {
  const { transfer, slot, overflowed } = memory.end();
  if (result.type !== 'batch') {
    release(slot);
    sender.add({ id, result, makeMs }, []);
  } else if (memory instanceof OwnedMemory) {
    const { value, tensors } = takeApart(result.value, memory.page);
    sender.add({ id, result: { ...result, value }, makeMs, small: tensors }, transfer);
  } else {
    const { buffer } = memory;
    const { value, tensors } = takeApart(result.value, buffer);
    const loan = slot === undefined ? undefined : { slot, tensors, ...(buffer !== lentBuffer && { buffer }) };
    if (loan) lentBuffer = buffer;
    sender.add({ id, result: { ...result, value, overflowed }, makeMs, ...(loan && { loan }) }, []);
  }
}

function turnPage(): ArrayBuffer | undefined {
  return memory instanceof OwnedMemory ? memory.turnPage() : undefined;
}

/** For a batch that does not survive structured cloning. */
function refuse(outcome: TaskOutcome, cause: unknown): TaskOutcome {
  if ('result' in outcome) release(outcome.loan?.slot);
  // The buffer was in the message that was refused.
  lentBuffer = undefined;
  const error = transferFailure(cause, 'The batch cannot be sent from the worker', plainData);
  return { id: outcome.id, error: toErrorRecord(error) };
}

function release(slot: number | undefined): void {
  if (slot !== undefined && memory instanceof LentMemory) memory.release(slot);
}

/** Lets go of files and memory maps, which outlive a thread that is merely ended. */
async function close(): Promise<void> {
  const ready = await opened;
  await (ready?.dataset as { close?: () => unknown } | undefined)?.close?.();
  port.close();
}

function post(message: FromWorker): void {
  port.postMessage(message);
}
