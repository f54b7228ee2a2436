import type { RunFacts, RunUpdate } from './live-view.js';

/** Start data of the server's thread, its `workerData`. */
export interface ServerSetup {
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
}

/** Messages from the training thread to the server's thread. */
export type ToServer =
  | { readonly type: 'run'; readonly facts: RunFacts }
  | { readonly type: 'update'; readonly update: RunUpdate };

/** Messages from the server's thread to the training thread. */
export type FromServer =
  | { readonly type: 'open'; readonly url: string }
  | { readonly type: 'watched'; readonly watched: boolean }
  /** The page cannot be served. */
  | { readonly type: 'failed'; readonly reason: string };
