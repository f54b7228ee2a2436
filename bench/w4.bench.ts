// W4: the cost of a loader without data to load. Samples are one number, so all time is overhead: batches of 1 show
// the cost per batch, batches of 32 are a usual small size.
import { createRequire } from 'node:module';
import {
  atLeast,
  atMost,
  bestOf,
  type Contestant,
  compare,
  type Goal,
  nodeCommand,
  peerAdvice,
  pythonCommand,
  type Report,
  type Result,
  resultOf,
} from './measure.js';

export const title = 'W4: batches of an empty pipeline';
export const unit = 'batches/s';
const seconds = 1;

export default function run(): Report {
  const results: Result[] = [];
  const goals: Goal[] = [];
  for (const batchSize of [1, 32]) {
    const measured = compare(contestants(batchSize), 'rate');
    results.push(...measured);
    goals.push(...goalsOf(batchSize, measured));
  }
  if (!goals.length) console.error(peerAdvice);
  const [loop] = compare(
    [{ name: 'Millrace, event loop, 1 worker', command: nodeCommand('event-loop.js', 32, 1, 2) }],
    'time',
  ) as [Result];
  // See event-loop.js: delay in milliseconds, and the reciprocal of microseconds per batch. One worker, because with
  // more threads than processors the system's scheduler causes delays of a few milliseconds.
  goals.push(
    atMost('main thread, microseconds per batch, 1 worker, batch 32', 1 / loop.perCpuSecond, 20),
    atMost('event loop delay, 99th percentile, milliseconds', loop.value, 1),
  );
  return { results, goals };
}

function contestants(batchSize: number): Contestant[] {
  const ours = [0, 2].map((workers) => ({
    name: `Millrace, batch ${batchSize}, ${workers} workers`,
    command: nodeCommand('overhead.js', batchSize, workers, seconds),
  }));
  const torch = [0, 2].flatMap((workers) =>
    ['usual', 'whole'].flatMap((kind) => {
      const command = pythonCommand('overhead.py', batchSize, workers, seconds, kind);
      return command ? [{ name: `PyTorch, batch ${batchSize}, ${workers} workers, ${kind}`, command }] : [];
    }),
  );
  const tfjs = hasTfjs()
    ? [
        {
          name: `tfjs-data, batch ${batchSize}`,
          command: nodeCommand('overhead-tfjs.js', batchSize, seconds),
        },
      ]
    : [];
  // What a loop over an asynchronous iterator costs by itself, in any program.
  const limit = {
    name: `an iterator of ready batches (limit), batch ${batchSize}`,
    command: nodeCommand('overhead-limit.js', batchSize, seconds),
  };
  return [...ours, limit, ...torch, ...tfjs];
}

/** Against PyTorch's usual dataset, which fetches one sample at a time, as ours does here. */
function goalsOf(batchSize: number, results: readonly Result[]): Goal[] {
  return [
    [0, batchSize === 1 ? 20 : 10],
    [2, 50],
  ].flatMap(([workers, goal]) => {
    const setting = `batch ${batchSize}, ${workers} workers`;
    const peer = results.some(({ name }) => name.startsWith(`PyTorch, ${setting}`));
    if (!peer) return [];
    const ratio =
      resultOf(results, `Millrace, ${setting}`).value / bestOf(results, `PyTorch, ${setting}, usual`).value;
    return [atLeast(`against PyTorch, ${setting}`, ratio, goal!)];
  });
}

function hasTfjs(): boolean {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs');
    return true;
  } catch {
    console.error('tfjs-data was not measured. Install it: npm install --no-save @tensorflow/tfjs@4.22.0');
    return false;
  }
}
