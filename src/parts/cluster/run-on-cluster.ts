import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { WorkerExitError } from '../../core/errors.js';
import { integerFrom } from '../../core/options.js';
import { openObjectStore } from '../../storage/open-object-store.js';
import { connectRedis, redisSchema } from './redis.js';
import { writeSpecification } from './work-payload.js';
import { type QueueState, queueSchema, WorkQueue } from './work-queue.js';
import type { WorkSpecification } from './work-specification.js';

/** Options that say where and how long work runs on a cluster. */
export const clusterEntries = {
  redis: redisSchema,
  queue: queueSchema,
  attempts: v.optional(integerFrom(1), 3),
  backoffMs: v.optional(integerFrom(0), 1_000),
  pollMs: v.optional(integerFrom(1), 1_000),
  onRefusal: v.optional(v.custom<(refusal: string) => void>((f) => typeof f === 'function')),
};

/** Where long work is queued, and how it is watched. */
export interface ClusterSettings {
  readonly redis: string;
  readonly queue: string;
  readonly pollMs: number;
  readonly onRefusal?: ((refusal: string) => void) | undefined;
}

/**
 * Adds work to the queue, unless it is there already, and waits until it has left the queue.
 *
 * @param store - Location of the parts, under the same name on all machines.
 * @param findResult - Reads the result of finished work.
 * @throws {@link WorkerExitError} if a job has used up its attempts, with the reason, or if the work was canceled;
 *   {@link MissingPeerError} without bullmq and ioredis; {@link StorageError} if Redis does not answer.
 */
export async function runOnCluster<Result>(
  store: string,
  work: WorkSpecification,
  { redis: url, queue: name, pollMs, onRefusal }: ClusterSettings,
  onState: (state: QueueState) => void,
  findResult: () => Promise<Result | undefined>,
): Promise<Result> {
  const redis = await connectRedis(url);
  const queue = new WorkQueue(redis, name);
  const reported = new Set<string>();
  try {
    await writeSpecification(await openObjectStore(store), work);
    await queue.removeFailed(store, work);
    if ((await queue.state(store, work)).status === 'none') await queue.start(store, work);
    for (;;) {
      const state = await queue.state(store, work);
      if (state.status === 'failed') throw failed(work, state);
      for (const refusal of state.refusals) {
        if (!reported.has(refusal)) onRefusal?.(refusal);
        reported.add(refusal);
      }
      if (state.status === 'none') {
        const result = await findResult();
        if (result === undefined) throw canceled(work);
        return result;
      }
      onState(state);
      await sleep(pollMs);
    }
  } finally {
    await queue.close();
    redis.connection.disconnect();
  }
}

/**
 * Removes work from the queue. Running jobs finish, and finished parts are kept.
 *
 * @returns Whether the work was in the queue.
 */
export async function cancelWork(
  store: string,
  work: WorkSpecification,
  { redis: url, queue: name }: Pick<ClusterSettings, 'redis' | 'queue'>,
): Promise<boolean> {
  const redis = await connectRedis(url);
  const queue = new WorkQueue(redis, name);
  try {
    return await queue.remove(store, work);
  } finally {
    await queue.close();
    redis.connection.disconnect();
  }
}

function failed({ kind, id }: WorkSpecification, { reason = 'the reason is not known' }: QueueState) {
  return new WorkerExitError(`The ${kind} failed on the cluster: ${reason}`, {
    where: { id },
    next: 'Fix the cause and run it again: finished parts are kept.',
  });
}

function canceled({ kind, id }: WorkSpecification): WorkerExitError {
  return new WorkerExitError(
    `The ${kind} left the queue unfinished: it was canceled, or Redis lost its data`,
    { where: { id }, next: 'Run it again to continue: finished parts are kept.' },
  );
}
