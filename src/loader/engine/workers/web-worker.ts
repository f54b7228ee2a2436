// The parts of the browser's interface used here: TypeScript declares them only together with the DOM.
import type { ErrorRecord } from '../../../core/error-record.js';
import type { FromWorker, GuestArrives, ToWorker, WorkerSetup } from './protocol.js';
import type { ThreadPort } from './thread-port.js';

/** A browser's `Worker`. */
export interface WebWorker {
  postMessage(message: unknown, transfer: (ArrayBuffer | ThreadPort)[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  terminate(): void;
}

/** Makes a worker whose script imports `millrace/worker`: `() => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })`. */
export type CreateWorker = () => WebWorker;

/** Locks shared by all threads of a site (Web Locks API, in secure contexts). */
interface Locks {
  request(name: string, whileHeld: () => unknown): Promise<unknown>;
}

/** The locks of this thread, if any. */
export function webLocks(): Locks | undefined {
  return (globalThis as { navigator?: { locks?: Locks } }).navigator?.locks;
}

/** Page → web worker: the message port, before the setup. */
export interface Greeting {
  readonly type: 'greeting';
  /** A lock held for the worker's lifetime. Acquiring it means the worker died, which browsers do not report. */
  readonly lock: string;
}

/** Messages of a page to a web worker. */
export type ToWebWorker = Greeting | WorkerSetup | ToWorker | GuestArrives;

/** Web worker → page, in addition to the messages of any worker. */
export type FromWebWorker =
  | FromWorker
  /** It holds the lock. */
  | { readonly type: 'holding' }
  /** An error was not caught; in Node.js that ends the thread. */
  | { readonly type: 'crashed'; readonly error: ErrorRecord }
  /** It ends, as it was asked to. */
  | { readonly type: 'closing' };
