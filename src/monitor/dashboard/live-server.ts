import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { builtFile } from '../../core/built-file.js';
import { MillraceError } from '../../core/errors.js';
import { messageOf } from '../../core/thrown.js';
import { type PrometheusRegistry, prometheusRegistry } from '../prometheus.js';
import { parseReport } from './neighbor-report.js';
import type { PageAccess } from './page-access.js';
import { toPageJson } from './page-json.js';
import type { RunBoard } from './run-board.js';

/** The answer to a report. */
export interface NeighborAnswer {
  /** Distinguishes this server from its successor on the same port. */
  readonly server: string;
  readonly watched: boolean;
  /** The answer to the run's challenge, if the page has a token. */
  readonly proof?: string | undefined;
}

/** Far above the size of a complete report of a run. */
const maxReportBytes = 16e6;
const heartbeatMs = 5_000;
/** Bytes that are buffered for a page that does not read. */
const maxBufferedBytes = 8e6;
/** Maximum number of connections, pages and runs together. Each takes a file descriptor of the training process. */
const maxConnections = 64;
/** Maximum number of pages with an event stream; the other connections are for short requests. */
const maxStreams = 24;
/** Maximum time for a request to arrive. */
const requestMs = 5_000;
/** Time after which a page reconnects. */
const retryMs = 1_000;

/** Serves the live page, its event stream and Prometheus' text, and receives reports from other processes. */
export class LiveServer {
  readonly #id = randomUUID();
  readonly #board: RunBoard;
  readonly #access: PageAccess;
  readonly #server: Server;
  readonly #page: { readonly html: string; readonly policy: string };
  #prometheus: Promise<PrometheusRegistry> | undefined;
  #onWatched: (() => void) | undefined;
  #streams = 0;

  constructor(board: RunBoard, access: PageAccess) {
    this.#board = board;
    this.#access = access;
    this.#page = readPage();
    const limits = {
      headersTimeout: requestMs,
      requestTimeout: 2 * requestMs,
      connectionsCheckingInterval: 1_000,
    };
    this.#server = createServer(limits, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (!response.headersSent) send(response, 500, 'text/plain', `${messageOf(error)}\n`);
        else response.destroy();
      });
    });
    this.#server.maxConnections = maxConnections;
    this.#server.maxRequestsPerSocket = 1_000;
  }

  /** @returns The port. @throws the system's error, `EADDRINUSE` if another program has the port */
  async listen(port: number, host: string): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, resolve);
    });
    // A failed connection must not affect the run.
    this.#server.removeAllListeners('error').on('error', () => {});
    return (this.#server.address() as AddressInfo).port;
  }

  /** Calls `listener` when the first page opens or the last one closes. */
  onWatched(listener: () => void): void {
    this.#onWatched = listener;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(`http://local/${(request.url ?? '').replace(/^\/+/, '')}`);
    if (url.pathname === '/neighbor' && this.#access.isNeighbor(request))
      return this.#answerNeighbor(request, response);
    const refusal = this.#access.refusal(request, url);
    if (refusal) {
      // Closes the connection, so that it does not count against the limit.
      response.setHeader('connection', 'close');
      return send(response, 403, 'text/plain', `${refusal}\n`);
    }
    if (request.method !== 'GET') return send(response, 405, 'text/plain', 'Only GET is supported.\n');
    switch (url.pathname) {
      case '/':
        response.setHeader('content-security-policy', this.#page.policy);
        return send(response, 200, 'text/html', this.#page.html);
      case '/events':
        return this.#stream(request, response);
      case '/metrics':
        return this.#scrape(response);
      default:
        return send(response, 404, 'text/plain', 'Not found. The paths are /, /events and /metrics.\n');
    }
  }

  async #answerNeighbor(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') return send(response, 405, 'text/plain', 'Only POST is supported.\n');
    const { runs, updates, challenge } = await readReport(request);
    for (const run of runs) this.#board.put(run);
    for (const update of updates) this.#board.update(update);
    const { port } = this.#server.address() as AddressInfo;
    const proof = challenge === undefined ? undefined : this.#access.proof({ nonce: challenge, port });
    const answer: NeighborAnswer = { server: this.#id, watched: this.#board.watched, proof };
    send(response, 200, 'application/json', JSON.stringify(answer));
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    if (this.#streams >= maxStreams) {
      response.setHeader('connection', 'close');
      send(response, 503, 'text/plain', `${maxStreams} pages are already open: close one.\n`);
      return;
    }
    this.#streams += 1;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${retryMs}\n\n`);
    const unwatch = this.#board.watch(({ type, ...message }) => {
      // Disconnects a page that has stopped reading; it reconnects later and then receives a full view.
      if (response.writableLength > maxBufferedBytes) response.destroy();
      else response.write(`event: ${type}\ndata: ${toPageJson(message)}\n\n`);
    });
    const heartbeat = setInterval(() => response.write(': here\n\n'), heartbeatMs);
    this.#onWatched?.();
    request.on('close', () => {
      this.#streams -= 1;
      clearInterval(heartbeat);
      unwatch();
      this.#onWatched?.();
    });
  }

  async #scrape(response: ServerResponse): Promise<void> {
    try {
      this.#prometheus ??= prometheusRegistry(() => this.#board.figures());
      const registry = await this.#prometheus;
      send(response, 200, registry.contentType, await registry.metrics());
    } catch (error) {
      this.#prometheus = undefined;
      if (!(error instanceof MillraceError)) throw error;
      send(response, 501, 'text/plain', `${error.message}\n`);
    }
  }
}

/** The page as built: one file. The policy allows its script and no other. */
function readPage(): { html: string; policy: string } {
  const html = readFileSync(builtFile('web/live/page.html')!, 'utf8');
  const [, script = ''] = /<script type="module">([\s\S]*?)<\/script>/.exec(html) ?? [];
  const hash = createHash('sha256').update(script).digest('base64');
  const policy =
    `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; ` +
    `base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  return { html, policy };
}

async function readReport(request: IncomingMessage): Promise<ReturnType<typeof parseReport>> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > maxReportBytes) throw new Error(`The report exceeds ${maxReportBytes} bytes`);
    pieces.push(piece);
  }
  return parseReport(Buffer.concat(pieces).toString('utf8'));
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type.includes(';') || type === 'application/json' ? type : `${type}; charset=utf-8`,
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}
