import type { FlowProducer as BullFlow, Queue as BullQueue, Worker as BullWorker } from 'bullmq';
import type { Redis as IoRedis } from 'ioredis';
import * as v from 'valibot';
import { StorageError } from '../../core/errors.js';
import { importPeer } from '../../core/peer.js';
import { messageOf } from '../../core/thrown.js';

/** The URL of a Redis server. */
export const redisSchema = v.pipe(
  v.string('must be a URL'),
  v.regex(/^rediss?:\/\//, 'must be a URL: redis://host:6379'),
);

/** BullMQ and a connection to Redis. */
export interface RedisQueueing {
  readonly bull: {
    readonly Queue: typeof BullQueue;
    readonly FlowProducer: typeof BullFlow;
    readonly Worker: typeof BullWorker;
    readonly DelayedError: new () => Error;
    readonly UnrecoverableError: new (message: string) => Error;
  };
  readonly connection: IoRedis;
}

const longestPauseMs = 1_000;

/**
 * Connects to Redis. After a lost connection, reconnects for as long as it takes.
 *
 * @throws {@link MissingPeerError} without bullmq and ioredis, {@link StorageError} if nothing answers at the URL.
 */
export async function connectRedis(url: string): Promise<RedisQueueing> {
  const bull = await importPeer<typeof import('bullmq')>('bullmq', 'The cluster engine');
  const { Redis } = await importPeer<typeof import('ioredis')>('ioredis', 'The cluster engine');
  let isConnected = false;
  const connection = new Redis(url, {
    lazyConnect: true,
    // BullMQ waits for jobs in one command, which must outlive a restart of the server.
    maxRetriesPerRequest: null,
    retryStrategy: (tries) => (isConnected ? Math.min(longestPauseMs, 50 * tries) : null),
  });
  let last: unknown;
  // Without a listener, a lost connection would end the process. Commands wait until it is restored.
  connection.on('error', (error) => {
    last = error;
  });
  try {
    await connection.connect();
  } catch (closed) {
    connection.disconnect();
    // `connect` says only that the connection was closed. The event has the reason: a certificate, a closed port.
    const cause = last ?? closed;
    throw new StorageError(`Redis does not answer: ${messageOf(cause)}`, {
      where: { redis: url },
      next: 'Start it, or check the URL: redis://host:6379.',
      cause,
    });
  }
  isConnected = true;
  return { bull, connection };
}
