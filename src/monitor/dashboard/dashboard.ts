import { Worker } from 'node:worker_threads';
import { threadProgram } from '../../core/thread-program.js';
import { messageOf } from '../../core/thrown.js';
import { warn } from '../../core/warn.js';
import type { Observable } from '../loader-events.js';
import type { ResolvedDashboard } from './dashboard-options.js';
import type { RunFacts, RunUpdate } from './live-view.js';
import { runClientOf } from './run-client.js';
import { type RunSink, RunWatcher } from './run-watcher.js';
import type { FromServer, ServerSetup, ToServer } from './server-messages.js';

/**
 * The server of the live page, in its own thread: it responds while training computes, and costs training two
 * messages per second. It does not keep the process alive.
 */
class ServerThread implements RunSink {
  readonly #thread: Worker;
  /** Resolves to the page's URL, or `undefined` if there is no page. */
  readonly opened: Promise<string | undefined>;
  watched = false;

  constructor(setup: ServerSetup) {
    this.#thread = new Worker(threadProgram('monitor/dashboard/server-thread.js'), {
      name: 'millrace live page',
      workerData: setup,
      // Node.js options of the training command, such as --input-type, do not apply to the server.
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
    // The thread keeps the process alive only while the loader waits for the page to open.
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

/** One server per address, shared by all loaders of the process. */
const servers = new Map<string, ServerThread>();
let loaders = 0;

/**
 * Shows a loader on the live page from now on.
 *
 * @returns A promise that resolves when the page is open. If it cannot be opened, a warning gives the reason and the
 *   run continues without it.
 */
export async function showOnPage(loader: Observable, options: ResolvedDashboard): Promise<void> {
  const { port, host, token, countTokens, onOpen } = options;
  const address = `${host} ${port} ${token ?? ''}`;
  const known = servers.get(address);
  const server = known ?? startServer({ port, host, token });
  if (!server) return;
  servers.set(address, server);
  const watching = { countTokens, client: runClientOf(loader) };
  loader.observe(new RunWatcher(`${process.pid}.${loaders++}`, server, watching).receive);
  const url = await server.opened;
  if (url === undefined) return;
  if (onOpen) onOpen(url);
  else if (!known) process.stderr.write(`Watch this run at ${url}\n`);
}

/**
 * Starts the server. If that fails, for example because a bundled application lacks the server's program, issues a
 * warning.
 */
function startServer(setup: ServerSetup): ServerThread | undefined {
  try {
    return new ServerThread(setup);
  } catch (error) {
    warnOf(messageOf(error));
    return undefined;
  }
}

function warnOf(reason: string): void {
  warn({ code: 'MILLRACE_DASHBOARD', message: `The live page is disabled: ${reason}` });
}
