import { Worker } from 'node:worker_threads';
import { threadProgram } from '../../core/thread-program.js';
import { warn } from '../../core/warn.js';
import type { Observable } from '../loader-events.js';
import type { ResolvedDashboard } from './dashboard-options.js';
import type { RunFacts, RunUpdate } from './live-view.js';
import { type RunSink, RunWatcher } from './run-watcher.js';
import type { FromServer, ServerSetup, ToServer } from './server-messages.js';

/**
 * The server of the live page, in a thread of its own: it answers while the training computes, and costs it two messages a second.
 * It does not keep the process alive.
 */
class ServerThread implements RunSink {
  readonly #thread: Worker;
  /** The page's URL, or nothing where there is none. */
  readonly opened: Promise<string | undefined>;
  watched = false;

  constructor(setup: ServerSetup) {
    this.#thread = new Worker(threadProgram('./server-thread.js', import.meta.url), {
      name: 'millrace live page',
      workerData: setup,
      // Options of the training's command line, as --input-type, are not for it.
      execArgv: [],
    });
    this.opened = new Promise((resolve) => {
      this.#thread.on('message', (message: FromServer) => {
        if (message.type === 'open') resolve(message.url);
        else if (message.type === 'watched') this.watched = message.watched;
        else {
          resolve(undefined);
          warnOf(message.reason);
        }
      });
      this.#thread.on('error', (error) => {
        resolve(undefined);
        warnOf(error.message);
      });
    });
    // The loader waits for the page, and only for that it keeps the process alive.
    void this.opened.then(() => this.#thread.unref());
  }

  begin(facts: RunFacts): void {
    this.#post({ type: 'run', facts });
  }

  update(update: RunUpdate): void {
    this.#post({ type: 'update', update });
  }

  #post(message: ToServer): void {
    this.#thread.postMessage(message);
  }
}

/** A process has one server for each address, whatever number of loaders it shows. */
const servers = new Map<string, ServerThread>();
let loaders = 0;

/**
 * Shows a loader on the live page from now on.
 *
 * @returns when the page can be opened, or will not be: then a warning says why, and the run goes on without.
 */
export async function showOnPage(loader: Observable, options: ResolvedDashboard): Promise<void> {
  const { port, host, token, countTokens, onOpen } = options;
  const address = `${host} ${port} ${token ?? ''}`;
  const known = servers.get(address);
  const server = known ?? startServer({ port, host, token });
  if (!server) return;
  servers.set(address, server);
  loader.observe(new RunWatcher(`${process.pid}.${loaders++}`, server, countTokens).listen);
  const url = await server.opened;
  if (url === undefined) return;
  if (onOpen) onOpen(url);
  else if (!known) process.stderr.write(`Watch this run at ${url}\n`);
}

/** Starts the server, or warns why there is none: a bundled application lacks its program. */
function startServer(setup: ServerSetup): ServerThread | undefined {
  try {
    return new ServerThread(setup);
  } catch (error) {
    warnOf((error as Error).message);
    return undefined;
  }
}

function warnOf(reason: string): void {
  warn({ code: 'MILLRACE_DASHBOARD', message: `There is no live page: ${reason}` });
}
