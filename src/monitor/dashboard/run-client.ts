import type { Observable } from '../loader-events.js';

/** Counts of a served loader for one client. */
export interface ClientFigures {
  /** Batches sent. */
  readonly batches: number;
  /** Requests that are waiting for a batch. */
  readonly inFlight: number;
  /** Time that the oldest of them has waited, in milliseconds; 0 if there are none. */
  readonly waitingMs: number;
}

/** A client of a served loader. */
export interface ClientFacts {
  /** Name that the client sends: process and host. */
  readonly name: string;
  /** Origin of its requests: an IP address, or `unix socket`. */
  readonly address: string;
}

interface RunClient {
  readonly facts: ClientFacts;
  /** Called for each update of the page. */
  readonly figures: () => ClientFigures;
}

const clients = new WeakMap<Observable, RunClient>();

/** Sets the client of a loader, for the live page. */
export function setRunClient(loader: Observable, client: RunClient): void {
  clients.set(loader, client);
}

/** The client of a loader, if it is served. */
export function runClientOf(loader: Observable): RunClient | undefined {
  return clients.get(loader);
}
