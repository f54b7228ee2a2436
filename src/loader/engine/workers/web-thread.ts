// Bundlers for browsers use this file instead of `node-thread.ts`.
import { fromErrorRecord, toErrorRecord } from '../../../core/error-record.js';
import { WorkerTransferError } from '../../../core/errors.js';
import type { GuestArrives, ToWorker, WorkerSetup } from './protocol.js';
import type { ThreadPort } from './thread-port.js';
import { type FromWebWorker, type Greeting, type WebWorker, webLocks } from './web-worker.js';
import type { StartThread, WorkerThread } from './worker-thread.js';

declare const Worker: new (program: URL, options: { type: 'module' }) => WebWorker;

/** Starts a web worker: the one that comes with Millrace, which bundlers find by this expression, or the user's. */
export const startPlatformThread: StartThread = (_, createWorker) =>
  new WebThread(
    createWorker
      ? createWorker()
      : new Worker(new URL('./millrace-worker.js', import.meta.url), { type: 'module' }),
  );

type Listener = (value: never) => void;

/** A web worker that behaves like a Node.js thread: an uncaught error ends it, and it emits `exit` when it ends. */
class WebThread implements WorkerThread {
  readonly #worker: WebWorker;
  readonly #lock = `millrace worker ${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;
  readonly #listeners = new Map<string, Listener[]>();
  /** Whether anything has come from it: then its program is there. */
  #heard = false;
  #ended = false;

  constructor(worker: WebWorker) {
    this.#worker = worker;
    worker.addEventListener('message', (event) => {
      this.#receive((event as Event & { readonly data: FromWebWorker }).data);
    });
    worker.addEventListener('messageerror', () => {
      this.#emit('messageerror', new Error('A message from the worker could not be read'));
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      this.#onError((event as Event & { readonly message?: string }).message);
    });
    worker.postMessage({ type: 'greeting', lock: this.#lock } satisfies Greeting, []);
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  postMessage(
    message: WorkerSetup | ToWorker | GuestArrives,
    transfer: readonly (ArrayBuffer | ThreadPort)[] = [],
  ): void {
    this.#worker.postMessage(message, [...transfer]);
  }

  async terminate(): Promise<void> {
    this.#worker.terminate();
    this.#end();
  }

  ref(): void {}

  unref(): void {}

  #receive(message: FromWebWorker): void {
    this.#heard = true;
    switch (message.type) {
      case 'holding':
        void webLocks()?.request(this.#lock, () => this.#end());
        return;
      case 'crashed':
        this.#emit('error', fromErrorRecord(message.error));
        void this.terminate();
        return;
      case 'closing':
        this.#end();
        return;
      default:
        this.#emit('message', message);
    }
  }

  #onError(message: string | undefined): void {
    if (this.#heard) this.#emit('error', new Error(message ?? 'unknown'));
    else {
      const why = message ? `: ${message}` : '';
      const error = new WorkerTransferError(`The program of the workers could not be loaded${why}`, {
        next:
          "Give the bundle a second entry point, 'millrace-worker=millrace/worker' for esbuild, so that millrace-worker.js lies " +
          'beside the page’s script; or pass createWorker with a worker of your own that imports millrace/worker.',
      });
      this.#emit('message', { type: 'failed', error: toErrorRecord(error) });
    }
    void this.terminate();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#emit('exit', undefined);
  }

  #emit(event: string, value: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never);
  }
}
