import type { RunFacts, RunUpdate } from './live-view.js';

/** What the server's thread needs to begin: its `workerData`. */
export interface ServerSetup {
  readonly port: number;
  readonly host: string;
  readonly token: string | undefined;
}

/** The thread of the training → the server's. */
export type ToServer =
  | { readonly type: 'run'; readonly facts: RunFacts }
  | { readonly type: 'update'; readonly update: RunUpdate };

/** The server's thread → that of the training. */
export type FromServer =
  | { readonly type: 'open'; readonly url: string }
  | { readonly type: 'watched'; readonly watched: boolean }
  /** There will be no page. */
  | { readonly type: 'failed'; readonly reason: string };
