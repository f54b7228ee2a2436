import { Agent, type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { isNode } from '../core/platform.js';
import { isRecord, ownValue } from '../core/record.js';
import { errorCode } from '../core/thrown.js';

/** The parts of a response that are used. */
export interface Reply {
  readonly status: number;
  readonly statusText: string;
  readonly ok: boolean;
  readonly headers: Pick<Headers, 'get'>;
  readonly body: ReplyBody | null;
}

interface ReplyBody {
  getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> };
  cancel(): Promise<void>;
}

/** Most connections to a host: as many as requests, and some that are not free yet. */
const mostConnections = 64;
/** A connection without a request is closed after this time, before most servers close it. */
const idleMs = 4_000;

const options = { keepAlive: true, maxSockets: mostConnections, timeout: idleMs };
const agents = isNode ? { http: new Agent(options), https: new SecureAgent(options) } : undefined;
const ownFetch = globalThis.fetch;

/**
 * Sends a request without following redirects. In Node.js, a read goes through `node:http`, which takes a third of the processor time of
 * `fetch`.
 *
 * @throws TypeError, as `fetch` does, if the network fails.
 */
export async function send(request: Request, signal: AbortSignal): Promise<Reply> {
  const byFetch = () => fetch(request, { signal, ...(isNode && { redirect: 'manual' }) });
  if (!agents || request.method !== 'GET' || isFetchChanged()) return byFetch();
  const incoming = await sendHttp(request, signal, agents);
  // `fetch` decodes a response that the server encoded without being asked to.
  if (/^(identity)?$/i.test(incoming.headers['content-encoding'] ?? '')) return replyOf(incoming);
  incoming.destroy();
  return byFetch();
}

/** Whether the program has replaced `fetch`, or the way that it connects, for example by a proxy or with certificates of its own. */
function isFetchChanged(): boolean {
  const dispatcher = (globalThis as { [dispatcherKey]?: object })[dispatcherKey];
  return fetch !== ownFetch || (dispatcher !== undefined && !isPlainAgent(dispatcher));
}

/** Whether a dispatcher is like the default: an `Agent` without options for connections, which undici keeps under a symbol. */
function isPlainAgent(dispatcher: object): boolean {
  const key = Object.getOwnPropertySymbols(dispatcher).find(({ description }) => description === 'options');
  const given: unknown = key && Reflect.get(dispatcher, key);
  return dispatcher.constructor.name === 'Agent' && isRecord(given) && given.connect === undefined;
}

/** Where undici, with which Node.js fetches, keeps what `setGlobalDispatcher` sets. */
const dispatcherKey: unique symbol = Symbol.for('undici.globalDispatcher.1');

async function sendHttp(
  { url, headers }: Request,
  signal: AbortSignal,
  { http, https }: NonNullable<typeof agents>,
): Promise<IncomingMessage> {
  const all = { accept: '*/*', 'user-agent': 'node', ...Object.fromEntries(headers) };
  const isSecure = url.startsWith('https:');
  const sending = isSecure
    ? (how: RequestOptions) => requestHttps(url, { ...how, agent: https })
    : (how: RequestOptions) => requestHttp(url, { ...how, agent: http });
  for (;;) {
    const request = sending({ headers: all });
    const abort = () => request.destroy();
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await new Promise<IncomingMessage>((resolve, reject) => {
        request.on('response', resolve);
        request.on('error', reject);
        if (signal.aborted) abort();
        request.end();
      });
    } catch (cause) {
      // The server closed an idle connection just when it was used again.
      if (request.reusedSocket && errorCode(cause) === 'ECONNRESET' && !signal.aborted) continue;
      throw new TypeError('fetch failed', { cause });
    }
  }
}

function replyOf(incoming: IncomingMessage): Reply {
  const { statusCode: status = 0, statusMessage: statusText = '', headers } = incoming;
  const pieces = incoming[Symbol.asyncIterator]();
  return {
    status,
    statusText,
    ok: status >= 200 && status < 300,
    headers: {
      get: (name) => {
        const value = ownValue(headers, name.toLowerCase());
        return value === undefined ? null : String(value);
      },
    },
    body: {
      getReader: () => ({
        read: async () => {
          try {
            const { done, value } = await pieces.next();
            return { done: done === true, value };
          } catch (cause) {
            throw new TypeError('terminated', { cause });
          }
        },
      }),
      cancel: async () => {
        incoming.destroy();
      },
    },
  };
}
