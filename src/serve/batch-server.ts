import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { ConfigError } from '../core/errors.js';
import { propertyOf } from '../core/property-of.js';
import { ownValue } from '../core/record.js';
import { version } from '../core/version.js';
import type { Access } from './access.js';
import { type BatchAddress, type ClientRank, parseAddress, parseRank } from './batch-address.js';
import { ClientSession, clientFactsOf, maxInFlight } from './client-session.js';
import { type EncodedBatch, encodeBatch } from './encode-batch.js';
import { errorReply, Refusal } from './error-reply.js';
import { type ListenAddress, listen } from './listen-address.js';
import type { ServedLoader } from './served-loader.js';
import { wireVersion } from './wire-version.js';

/** How a server is reached. */
export interface BatchServerOptions {
  readonly address: ListenAddress;
  readonly access: Access;
  /** Certificate and key, in PEM. @defaultValue no TLS */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** The origin of a web page that may ask. @defaultValue none */
  readonly allowOrigin?: string | undefined;
}

/** The longest body of a request. */
const longestBody = 4096;
/** Requests without an id of their client share this one. */
const sharedClientId = 'client-without-id';

/** Serves loaders to other processes: the server side of docs/wire.md. */
export class BatchServer {
  readonly #id = randomUUID();
  readonly #loaders: ReadonlyMap<string, ServedLoader>;
  readonly #clients = new Map<string, ClientSession>();
  readonly #options: BatchServerOptions;
  readonly #server: Server;
  #isClosing = false;

  constructor(loaders: readonly ServedLoader[], options: BatchServerOptions) {
    this.#loaders = new Map(loaders.map((loader) => [loader.name, loader]));
    this.#options = options;
    const respond = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#respond(request, response);
    };
    this.#server = options.tls ? createTlsServer(options.tls, respond) : createServer(respond);
    // A client that trains for a while between two batches keeps its connections.
    this.#server.keepAliveTimeout = 0;
  }

  /** @returns the address as clients write it. @throws {@link StorageError} if it cannot listen there */
  listen(): Promise<string> {
    return listen(this.#server, this.#options.address);
  }

  /** Tells clients, ends their sessions, and closes the loaders. */
  async close(reason: string): Promise<void> {
    this.#isClosing = true;
    this.#server.close();
    for (const client of [...this.#clients.values()]) await client.end(reason);
    for (const loader of this.#loaders.values()) await loader.close();
    this.#server.closeAllConnections();
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { allowOrigin } = this.#options;
    response.setHeader('Millrace-Wire', `${wireVersion}`);
    response.setHeader('Millrace-Server', this.#id);
    response.setHeader('Cache-Control', 'no-store');
    if (allowOrigin !== undefined) {
      response.setHeader('Access-Control-Allow-Origin', allowOrigin);
      response.setHeader('Access-Control-Allow-Headers', '*, Authorization');
      response.setHeader('Access-Control-Expose-Headers', '*');
    }
    try {
      if (request.method === 'OPTIONS' && allowOrigin !== undefined) {
        response.writeHead(204).end();
        return;
      }
      this.#options.access.check(request);
      if (this.#isClosing) throw new Refusal(503, 'ERR_MILLRACE_CLOSED', 'The server is closing.');
      await this.#route(request, response);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else {
        const { status, body } = errorReply(error);
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
      }
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://millrace');
    const [version, kind, name, ...rest] = url.pathname.split('/').slice(1).map(decoded);
    const method = request.method ?? 'GET';
    if (version === 'v1' && kind === 'loaders' && method === 'GET') {
      if (name === undefined) return this.#list(response);
      if (rest.length === 0)
        return json(response, await this.#loader(name).describe(parseRank(url.searchParams)));
      if (rest.length === 3)
        return this.#batch(request, response, this.#loader(name), rest, url.searchParams);
    }
    if (version === 'v1' && kind === 'clients' && name !== undefined) {
      if (rest.length === 0 && method === 'GET') return this.#session(name, request, response);
      const [part, memory] = rest;
      if (part === 'memory' && rest.length === 1 && method === 'POST')
        return this.#reserve(name, request, response);
      if (part === 'memory' && memory !== undefined && rest.length === 2 && method === 'DELETE') {
        if (!this.#client(name, request).giveUp(memory))
          throw notFound('There is no such memory', 'memory', memory);
        response.writeHead(204).end();
        return;
      }
    }
    throw notFound('There is no such path', 'path', url.pathname);
  }

  #list(response: ServerResponse): void {
    const loaders = [...this.#loaders.keys()];
    json(response, { wire: wireVersion, millrace: version, server: this.#id, maxInFlight, loaders });
  }

  #loader(name: string): ServedLoader {
    const loader = this.#loaders.get(name);
    if (loader) return loader;
    const served = [...this.#loaders.keys()].join(', ');
    throw new Refusal(
      404,
      'ERR_MILLRACE_SERVE_NOT_FOUND',
      `There is no loader ${JSON.stringify(name)}; served: ${served}.`,
      { loader: name },
    );
  }

  #client(id: string, request: IncomingMessage): ClientSession {
    if (!/^[\w-]{16,64}$/.test(id)) {
      const message = 'must have 16 to 64 letters, digits or -';
      throw new ConfigError('A request', [{ field: 'Millrace-Client', message }]);
    }
    const known = this.#clients.get(id);
    if (known) return known;
    const client: ClientSession = new ClientSession(id, clientFactsOf(request), () => {
      if (this.#clients.get(id) === client) this.#clients.delete(id);
    });
    this.#clients.set(id, client);
    return client;
  }

  #session(id: string, request: IncomingMessage, response: ServerResponse): void {
    const client = this.#client(id, request);
    // Proxies must pass heartbeats on as they come.
    response.writeHead(200, { 'Content-Type': 'application/x-ndjson', 'X-Accel-Buffering': 'no' });
    client.begin(response);
  }

  async #reserve(id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const client = this.#client(id, request);
    if (this.#options.address.type !== 'unix')
      throw new Refusal(409, 'ERR_MILLRACE_CAPABILITY', 'Shared memory needs a unix socket.');
    if (!(Number(request.headers['content-length']) <= longestBody)) {
      const message = `The body needs a Content-Length of at most ${longestBody} bytes.`;
      throw new Refusal(400, 'ERR_MILLRACE_CONFIG', message);
    }
    const { slots, slotBytes } = parseBody(await text(request));
    const { memory, slots: reserved } = await client.reserve(slots, slotBytes);
    json(response, { memory, ...reserved.description });
  }

  async #batch(
    request: IncomingMessage,
    response: ServerResponse,
    loader: ServedLoader,
    parts: readonly string[],
    query: URLSearchParams,
  ): Promise<void> {
    const address = parseAddress(parts);
    const rank = parseRank(query);
    const description = await loader.describe(rank);
    this.#checkSource(request, description);
    const { gradientAccumulationSteps: steps } = description;
    if (address.microBatch >= steps) {
      const message = `must be below gradientAccumulationSteps, ${steps}`;
      throw new ConfigError('The address of a batch', [{ field: 'microBatch', message }]);
    }
    const client = this.#client(headerOf(request, 'millrace-client') ?? sharedClientId, request);
    const leave = client.enter();
    if (!leave)
      throw new Refusal(
        429,
        'ERR_MILLRACE_SERVE_IN_FLIGHT',
        `This client has ${maxInFlight} requests in flight already.`,
      );
    try {
      const feed = await client.feed(loader, rank);
      const number = address.step * steps + address.microBatch;
      const outcome = await feed.request(address.epoch, number, (drop) => response.on('close', drop));
      if (outcome.type !== 'batch') {
        if (outcome.type === 'skipped') await this.#addFold(response, loader, address, rank);
        response.writeHead(204, { 'Millrace-Outcome': outcome.type }).end();
        return;
      }
      try {
        const samples = query.get('samples') === '1' ? await loader.samplesOf(address, rank) : undefined;
        await this.#addFold(response, loader, address, rank);
        await this.#send(request, response, client, encodeBatch(outcome.batch, address, samples));
      } finally {
        outcome.done();
      }
    } finally {
      leave();
    }
  }

  async #addFold(
    response: ServerResponse,
    loader: ServedLoader,
    address: BatchAddress,
    rank: ClientRank,
  ): Promise<void> {
    const fold = await loader.foldAt(address, rank);
    if (fold !== undefined) response.setHeader('Millrace-Fold', fold);
  }

  /** Sends a batch, in a slot or as the body. Afterwards its memory is free. */
  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    client: ClientSession,
    encoded: EncodedBatch,
  ): Promise<void> {
    const { byteLength, chunks } = encoded;
    if (await this.#writeToSlot(request, client, encoded)) {
      response.writeHead(200, { 'Millrace-Slot-Bytes': byteLength, 'Content-Length': 0 }).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': byteLength });
    // A copy, because the socket may take long to send it.
    response.end(Buffer.concat(chunks, byteLength));
  }

  /** @throws {@link Refusal} if the client expects another configuration, or another server of a bound loader */
  #checkSource(
    request: IncomingMessage,
    { name, fingerprint, bound }: Awaited<ReturnType<ServedLoader['describe']>>,
  ): void {
    const expected = headerOf(request, 'millrace-fingerprint');
    if (expected !== undefined && expected !== fingerprint) {
      throw new Refusal(
        409,
        'ERR_MILLRACE_SERVE_FINGERPRINT',
        `${name} of this server is another configuration: its fingerprint is ${fingerprint}, not ${expected}. Give all servers the same configuration and data.`,
        { loader: name },
      );
    }
    const server = headerOf(request, 'millrace-server');
    if (bound !== null && server !== undefined && server !== this.#id) {
      throw new Refusal(
        409,
        'ERR_MILLRACE_SERVE_BOUND',
        `${name} must come from one server, because ${bound}. This is another server, or one that was restarted. Resume from a saved state, and use one server.`,
        { loader: name },
      );
    }
  }

  async #writeToSlot(
    request: IncomingMessage,
    client: ClientSession,
    encoded: EncodedBatch,
  ): Promise<boolean> {
    const place = headerOf(request, 'millrace-slot');
    if (place === undefined) return false;
    const [id = '', slot = ''] = place.split('/');
    const memory = client.memory(id);
    if (!memory || !/^\d+$/.test(slot) || Number(slot) >= memory.slots) return false;
    return memory.write(Number(slot), encoded);
  }
}

function parseBody(body: string): { slots: number; slotBytes: number } {
  try {
    const value: unknown = JSON.parse(body);
    return { slots: Number(propertyOf(value, 'slots')), slotBytes: Number(propertyOf(value, 'slotBytes')) };
  } catch (cause) {
    throw new ConfigError('A request', [{ field: 'body', message: 'must be JSON' }], { cause });
  }
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = ownValue(request.headers, name);
  return typeof value === 'string' ? value : undefined;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function notFound(message: string, field: string, value: string): Refusal {
  return new Refusal(404, 'ERR_MILLRACE_SERVE_NOT_FOUND', `${message}.`, { [field]: value });
}
