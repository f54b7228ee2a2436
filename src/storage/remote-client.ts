import { StorageError } from '../core/errors.js';
import { Backoff } from './backoff.js';
import type { RemoteLocation } from './remote-location.js';

/** An answer whose body is read piece by piece, each within the time limit. */
export interface RemoteAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends the connection, unless all has come. */
  cancel(): void;
}

/** What failed for now and may succeed later. */
class PassingFailure extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options);
    this.retryAfterMs = options?.retryAfterMs ?? 0;
  }
}

const passingStatuses = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Characters of an error's text that are worth showing. */
const shownCharacters = 300;

export interface RemoteClientOptions {
  readonly retries: number;
  readonly timeoutMs: number;
}

/** Asks for objects over HTTP, again where that may help, and says clearly what did not. */
export class RemoteClient {
  readonly #retries: number;
  readonly #timeoutMs: number;

  constructor({ retries, timeoutMs }: RemoteClientOptions) {
    this.#retries = retries;
    this.#timeoutMs = timeoutMs;
  }

  /** How failures of one piece of work are counted. */
  backoff(): Backoff {
    return new Backoff(this.#retries);
  }

  /**
   * Sends one request. What it throws, and what reading the body throws, is for {@link recover}.
   *
   * @param allowed - Statuses besides 2xx that the caller understands.
   */
  async ask(
    location: RemoteLocation,
    headers: Readonly<Record<string, string>>,
    allowed: readonly number[] = [],
  ): Promise<RemoteAnswer> {
    const request = await location.request(headers);
    // Compressed on the way, a range would be one of other bytes.
    request.headers.set('accept-encoding', 'identity');
    const abort = new AbortController();
    const response = await this.#inTime(abort, () => fetch(request, { signal: abort.signal }));
    const answer = {
      status: response.status,
      headers: response.headers,
      body: this.#piecesOf(response, abort),
      cancel: () => abort.abort(),
    };
    if (response.ok || allowed.includes(response.status)) return answer;
    const error = await refusal(location, response, answer.body);
    answer.cancel();
    throw error;
  }

  /** After a failure: waits for the next try, or throws when there is none or it would not help. */
  async recover(location: RemoteLocation, backoff: Backoff, error: unknown): Promise<void> {
    if (!(error instanceof PassingFailure)) throw error;
    if (await backoff.wait(error.retryAfterMs)) return;
    throw new StorageError(`Cannot ${location.verb ?? 'read'} the object: ${error.message}`, {
      where: { url: location.name, tries: backoff.failures },
      next: 'Check the connection and the server, then try again; the storage option retries allows more tries.',
      cause: error,
    });
  }

  /** Asks until `take` has made something of the answer. */
  async get<T>(
    location: RemoteLocation,
    headers: Readonly<Record<string, string>>,
    take: (answer: RemoteAnswer) => T | Promise<T>,
    allowed: readonly number[] = [],
  ): Promise<T> {
    const backoff = this.backoff();
    for (;;) {
      try {
        const answer = await this.ask(location, headers, allowed);
        try {
          return await take(answer);
        } finally {
          answer.cancel();
        }
      } catch (error) {
        await this.recover(location, backoff, error);
      }
    }
  }

  /** Waits for the network no longer than the time limit. */
  async #inTime<T>(abort: AbortController, wait: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => abort.abort(), this.#timeoutMs);
    try {
      return await wait();
    } catch (error) {
      throw this.#failure(abort, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The time limit counts while the network is waited for, not while the reader works. */
  async *#piecesOf({ body }: Response, abort: AbortController): AsyncGenerator<Uint8Array> {
    const reader = body?.getReader();
    if (!reader) return;
    let waitingSince = performance.now();
    let isWaiting = true;
    // One timer that looks again when it was too early: starting one a piece would cost more than the piece.
    const look = (): void => {
      const left = waitingSince + this.#timeoutMs - performance.now();
      if (isWaiting && left <= 0) abort.abort();
      else timer = setTimeout(look, isWaiting ? left : this.#timeoutMs);
    };
    let timer = setTimeout(look, this.#timeoutMs);
    try {
      for (;;) {
        isWaiting = true;
        waitingSince = performance.now();
        const { done, value } = await reader.read();
        isWaiting = false;
        if (done) return;
        yield value;
      }
    } catch (error) {
      throw this.#failure(abort, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(abort: AbortController, error: unknown): unknown {
    if (abort.signal.aborted)
      return new PassingFailure(`nothing came for ${this.#timeoutMs} ms`, { cause: error });
    return isNetworkFailure(error) ? new PassingFailure(reasonOf(error), { cause: error }) : error;
  }
}

/** Says that an answer ended before its time; it is tried again. */
export function cutShort(found: number, needed: number): Error {
  return new PassingFailure(`the connection ended after ${found} of ${needed} bytes`);
}

/** Failures of `fetch` are TypeErrors, those of a body that breaks off too. */
function isNetworkFailure(error: unknown): boolean {
  return error instanceof TypeError || (error as { name?: string }).name === 'AbortError';
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  const { code, message: inner } = (cause ?? {}) as { code?: string; message?: string };
  return inner ? `${inner}${code && !inner.includes(code) ? ` (${code})` : ''}` : message;
}

async function refusal(
  location: RemoteLocation,
  { status, statusText, headers }: Response,
  body: AsyncIterable<Uint8Array>,
): Promise<Error> {
  const said = await excerpt(body);
  const answer = [`${status} ${statusText}`.trim(), said].filter(Boolean).join(': ');
  if (passingStatuses.has(status)) {
    return new PassingFailure(`the server answered ${answer}`, {
      retryAfterMs: retryAfter(headers.get('retry-after')),
    });
  }
  const where = { url: location.name, status };
  if (status === 404)
    return new StorageError(`There is no such object: the server answered ${answer}`, {
      where,
      next: 'Check the URL.',
    });
  const region = headers.get('x-amz-bucket-region');
  if (region && status < 400)
    return new StorageError('The bucket is in another region', {
      where: { ...where, region },
      next: `Set AWS_REGION=${region}.`,
    });
  if (status === 401 || status === 403)
    return new StorageError(`Access is denied: the server answered ${answer}`, {
      where,
      next: location.accessAdvice,
    });
  return new StorageError(`The server answered ${answer}`, {
    where,
    next: 'Check the URL, and what the server says.',
  });
}

/** What a server says about an error: the message of an XML answer, else the beginning of the text. */
async function excerpt(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const piece of body) {
      text += decoder.decode(piece, { stream: true });
      if (text.length > 4_096) break;
    }
  } catch {
    // The status says enough.
  }
  if (/^\s*<!doctype html|^\s*<html/i.test(text)) return '';
  const message = /<Message>([\s\S]*?)<\/Message>/.exec(text)?.[1] ?? text;
  return message.replace(/\s+/g, ' ').trim().slice(0, shownCharacters);
}

/** Milliseconds that a `Retry-After` header asks for: seconds, or a date. */
function retryAfter(header: string | null): number {
  if (!header) return 0;
  const ms = /^\d+$/.test(header) ? 1_000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
