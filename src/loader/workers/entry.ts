// The program of a worker thread: makes the dataset from its recipe, then batches, one message at a time.
import { parentPort, workerData } from 'node:worker_threads';
import { type Collate, collateRules, collateTree } from '../../core/collate.js';
import { toErrorRecord } from '../../core/error-record.js';
import { transferFailure } from '../../core/recipe.js';
import { makeFromRecipe } from '../../datasets/make-from-recipe.js';
import { createBatchMaker } from '../batch-maker.js';
import { LentMemory, OwnedMemory } from '../batch-memory.js';
import type { BatchMaker } from '../batch-task.js';
import { asDataset, factsOf } from '../dataset-facts.js';
import { padCollate } from '../pad-collate.js';
import type { BatchSteps, Transform } from '../sample-steps.js';
import { torchCollate } from '../torch-collate.js';
import { setWorkerInfo } from '../worker-info.js';
import type { CollateSpec, FromWorker, ToWorker, WorkerSetup } from './protocol.js';

const setup = workerData as WorkerSetup;
const port = parentPort!;
const currentPass = new Int32Array(setup.currentPass);
const memory = setup.reuseBuffers ? new LentMemory() : new OwnedMemory();

const plainData =
  'Samples and batches that cross threads hold plain data: numbers, strings, typed arrays, tensors, arrays, objects.';

setWorkerInfo(setup.info);
const maker = start();
let queue: Promise<void> = Promise.resolve();

port.on('message', (message: ToWorker) => {
  if (message.type === 'release') {
    if (memory instanceof LentMemory) memory.release(message.slot);
  } else {
    queue = queue.then(() => make(message));
  }
});

async function start(): Promise<BatchMaker | undefined> {
  try {
    const origin =
      'module' in setup.dataset ? ` (export ${setup.dataset.export} of ${setup.dataset.module})` : '';
    const dataset = asDataset(await makeFromRecipe(setup.dataset), origin);
    const steps = await makeSteps();
    send({ type: 'ready', facts: { ...factsOf(dataset) } });
    return createBatchMaker(dataset, steps, setup.settings, setup.info.id);
  } catch (error) {
    send({ type: 'failed', error: toErrorRecord(error) });
    return undefined;
  }
}

async function makeSteps(): Promise<BatchSteps> {
  const transform = setup.transform && ((await makeFromRecipe(setup.transform)) as Transform);
  const fused = transform === undefined && setup.collate.type === 'default';
  return { transform, collate: await makeCollate(setup.collate), fused };
}

async function makeCollate(spec: CollateSpec): Promise<Collate<unknown, unknown> | undefined> {
  switch (spec.type) {
    case 'default': {
      const rules = collateRules({ numberDtype: spec.numberDtype });
      return (samples, { allocate }) => collateTree(samples, rules, allocate);
    }
    case 'pad':
      return padCollate(spec.options);
    case 'torch':
      return torchCollate(spec.options);
    case 'module':
      return (await makeFromRecipe(spec.recipe)) as Collate<unknown, unknown>;
    case 'none':
      return undefined;
  }
}

async function make({ id, pass, task }: Extract<ToWorker, { type: 'make' }>): Promise<void> {
  const ready = await maker;
  // The main thread dropped the tasks of earlier passes, and of a worker that failed to start.
  if (!ready || pass !== Atomics.load(currentPass, 0)) return;
  memory.begin();
  try {
    const result = await ready.make(task, memory);
    const { transfer, slot } = memory.end();
    if (slot !== undefined && result.type !== 'batch' && memory instanceof LentMemory) memory.release(slot);
    send({ type: 'made', id, result, slot: result.type === 'batch' ? slot : undefined }, transfer);
  } catch (error) {
    const { slot } = memory.end();
    if (slot !== undefined && memory instanceof LentMemory) memory.release(slot);
    send({
      type: 'error',
      id,
      error: toErrorRecord(transferFailure(error, 'The batch cannot be sent from the worker', plainData)),
    });
  }
}

function send(message: FromWorker, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
