import { setImmediate as turn } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';

/**
 * Most requests of a host at once. They take at most 64 connections: now and then, one is opened because that of a response that has
 * just ended is not free yet.
 */
const mostRequests = 48;

const gates = new Map<string, LimitFunction>();

/** Sends a request when few enough of its host or bucket are on their way, over all objects. */
export function inTurn<T>(url: string, request: () => Promise<T>): Promise<T> {
  const host = /^[^/]*\/\/[^/?#]*/.exec(url)?.[0] ?? url;
  let gate = gates.get(host);
  if (!gate) {
    gate = pLimit(mostRequests);
    gates.set(host, gate);
  }
  return gate(async () => {
    try {
      return await request();
    } finally {
      // Until then, the connection is not free for the next request, which would open another.
      await turn();
    }
  });
}
