import type { Observable } from '../loader-events.js';

/** What a served loader has done for the process that gets its batches. */
export interface ClientFigures {
  /** Batches given. */
  readonly batches: number;
  /** Requests that wait for a batch. */
  readonly inFlight: number;
  /** For how long the oldest of them has waited, in milliseconds; 0 without one. */
  readonly waitingMs: number;
}

/** A process that gets the batches of a served loader. */
export interface ClientFacts {
  /** As the client calls itself: process and host. */
  readonly name: string;
  /** Where its requests come from: an IP address, or `unix socket`. */
  readonly address: string;
}

interface RunClient {
  readonly facts: ClientFacts;
  /** Called for each update of the page. */
  readonly figures: () => ClientFigures;
}

const clients = new WeakMap<Observable, RunClient>();

/** Names the process that gets the batches of a loader, for the live page. */
export function setRunClient(loader: Observable, client: RunClient): void {
  clients.set(loader, client);
}

/** The process that gets the batches of a loader, if it is served. */
export function runClientOf(loader: Observable): RunClient | undefined {
  return clients.get(loader);
}
