import { setImmediate as turn } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { getWorkerInfo } from '../core/worker-info.js';

/**
 * Most concurrent requests of a process to a host, which the workers of a loader share. They use up to 64 connections, because the connection of a response that has just ended is
 * not free at once.
 */
const mostRequests = 48;

const gates = new Map<string, LimitFunction>();

/** Sends a request once its host or bucket has room for another one; counts the requests of all objects. */
export function inTurn<T>(url: string, request: () => Promise<T>): Promise<T> {
  const host = /^[^/]*\/\/[^/?#]*/.exec(url)?.[0] ?? url;
  let gate = gates.get(host);
  if (!gate) {
    const threads = getWorkerInfo()?.numWorkers ?? 1;
    gate = pLimit(Math.max(1, Math.floor(mostRequests / threads)));
    gates.set(host, gate);
  }
  return gate(async () => {
    try {
      return await request();
    } finally {
      // The connection is free only after this turn; before that, the next request would open another one.
      await turn();
    }
  });
}
