// Entry module of the live page's thread. The first run on a machine to request a port serves the page there. Later
// runs send it their data, and one of them takes over when it ends.
import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { errorCode, messageOf } from '../../core/thrown.js';
import { LiveServer } from './live-server.js';
import type { RunUpdate } from './live-view.js';
import { report } from './neighbor-client.js';
import type { NeighborReport } from './neighbor-report.js';
import { isLoopback, localAddressOf, PageAccess } from './page-access.js';
import { RunBoard } from './run-board.js';
import type { FromServer, ServerSetup, ToServer } from './server-messages.js';

const tickMs = 500;

/** Shows the runs of this process, on its own page or on a neighbor's. */
class PageThread {
  readonly #setup: ServerSetup;
  readonly #token: string | undefined;
  readonly #board = new RunBoard();
  readonly #own = new Set<string>();
  #server: LiveServer | undefined;
  #watched = false;
  /** The id of the neighbor's server. */
  #neighbor: string | undefined;
  /** Runs that the neighbor has not received in full yet. */
  #unsent = new Set<string>();
  #updates: RunUpdate[] = [];

  constructor(setup: ServerSetup) {
    this.#setup = setup;
    this.#token = setup.token ?? (isLoopback(setup.host) ? undefined : randomBytes(16).toString('base64url'));
  }

  async open(): Promise<void> {
    if (!(await this.#serve()) && !(await this.#join())) return;
    setInterval(() => void this.#tick(), tickMs);
  }

  take(message: ToServer): void {
    if (message.type === 'run') {
      this.#own.add(message.facts.key);
      this.#unsent.add(message.facts.key);
      this.#board.begin(message.facts);
      return;
    }
    const { update } = message;
    this.#board.update(update);
    if (this.#server) return;
    this.#updates.push(update);
    // The process may exit right after this message.
    if (update.status === 'finished' || update.status === 'failed') void this.#send();
  }

  /** @returns Whether this process serves the page. */
  async #serve(): Promise<boolean> {
    const { port, host } = this.#setup;
    const server = new LiveServer(this.#board, new PageAccess(host, this.#token));
    try {
      const taken = await server.listen(port, host);
      this.#server = server;
      server.onWatched(() => this.#setWatched(this.#board.watched));
      this.#setWatched(this.#board.watched);
      post({ type: 'open', url: this.#url(taken, this.#token) });
      return true;
    } catch (error) {
      if (errorCode(error) === 'EADDRINUSE') return false;
      post({ type: 'failed', reason: messageOf(error) });
      throw error;
    }
  }

  /** @returns Whether a neighbor shows the runs of this process. */
  async #join(): Promise<boolean> {
    const { port } = this.#setup;
    const answer = await report(this.#setup, { runs: [], updates: [] });
    if (typeof answer !== 'object') {
      const whose =
        answer === 'stranger' ? 'the page of a run with a different token or none' : 'another program';
      const reason = `port ${port} is in use by ${whose}. Choose a free one: dashboard: { port: ${port + 1} }`;
      post({ type: 'failed', reason });
      return false;
    }
    // If the neighbor generated its token, the neighbor prints it.
    post({ type: 'open', url: this.#url(port, this.#setup.token) });
    return true;
  }

  #url(port: number, token: string | undefined): string {
    const shown = localAddressOf(this.#setup.host);
    const query = token === undefined ? '' : `?token=${encodeURIComponent(token)}`;
    return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}/${query}`;
  }

  async #tick(): Promise<void> {
    if (this.#server) this.#board.markLost(this.#own);
    else await this.#send();
  }

  async #send(): Promise<void> {
    const content: NeighborReport = {
      runs: this.#board.runs.filter(({ facts }) => this.#unsent.has(facts.key)),
      updates: this.#updates.filter(({ key }) => !this.#unsent.has(key)),
    };
    this.#unsent = new Set();
    this.#updates = [];
    const answer = await report(this.#setup, content);
    if (typeof answer !== 'object') {
      // The report was not accepted: send the runs in full next time.
      this.#unsent = new Set(this.#own);
      this.#setWatched(false);
      // The run that served the page has ended: the first to claim the port takes over. If another program claims it,
      // there is no page until that program ends.
      return void (await this.#serve());
    }
    // A successor needs the runs in full.
    if (answer.server !== this.#neighbor) this.#unsent = new Set(this.#own);
    this.#neighbor = answer.server;
    this.#setWatched(answer.watched);
  }

  #setWatched(watched: boolean): void {
    if (watched === this.#watched) return;
    this.#watched = watched;
    post({ type: 'watched', watched });
  }
}

function post(message: FromServer): void {
  parentPort!.postMessage(message);
}

const page = new PageThread(workerData);
parentPort!.on('message', (message: ToServer) => page.take(message));
await page.open();
