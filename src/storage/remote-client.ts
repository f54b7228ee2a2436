import { MillraceError, StorageError } from '../core/errors.js';
import { errorCode, messageOf } from '../core/thrown.js';
import { Backoff } from './backoff.js';
import { type Reply, send } from './node-request.js';
import { PassingFailure } from './passing-failure.js';
import { mostRedirects, redirected, redirectTarget, tooManyRedirects } from './redirect.js';
import type { RemoteLocation } from './remote-location.js';
import { refusal } from './server-refusal.js';

/** A response whose body is read chunk by chunk, each within the time limit. */
export interface RemoteAnswer {
  readonly status: number;
  readonly headers: Pick<Headers, 'get'>;
  readonly body: AsyncIterable<Uint8Array>;
  /** Closes the connection, unless the body is complete. */
  cancel(): void;
}

/**
 * Fewer bytes than this within the time limit count as silence: a server that sends a byte now and then would block a run
 * forever.
 */
const fewBytes = 1_024;
/** Most characters of a listing page, which has up to a thousand names. */
const longestText = 2 ** 25;

export interface RemoteClientOptions {
  readonly retries: number;
  readonly timeoutMs: number;
}

/** Statuses by which stores refuse credentials; S3 answers 400 to those that expired. */
const refusals = new Set([400, 401, 403]);

/** Requests objects over HTTP, retries what may succeed later, and reports what failed. */
export class RemoteClient {
  readonly #retries: number;
  readonly #timeoutMs: number;

  constructor({ retries, timeoutMs }: RemoteClientOptions) {
    this.#retries = retries;
    this.#timeoutMs = timeoutMs;
  }

  /** Counts the failures of one piece of work. */
  backoff(): Backoff {
    return new Backoff(this.#retries);
  }

  /**
   * Sends one request. Pass its errors, and those of reading the body, to {@link recover}.
   *
   * @param allowed - Statuses besides 2xx that the caller handles.
   * @param isRetry - Whether it was refused and is sent again with new credentials.
   */
  async ask(
    location: RemoteLocation,
    headers: Readonly<Record<string, string>>,
    allowed: readonly number[] = [],
    isRetry = false,
  ): Promise<RemoteAnswer> {
    const abort = new AbortController();
    const { first, request, response } = await this.#follow(location, headers, abort);
    let isComplete = false;
    const answer = {
      status: response.status,
      headers: response.headers,
      body: this.#piecesOf(response, abort, () => {
        isComplete = true;
      }),
      // Aborting takes longer than reading a small response.
      cancel: () => {
        if (!isComplete) abort.abort();
      },
    };
    if (response.ok || allowed.includes(response.status)) return answer;
    const error = await refusal(location, request, response, answer.body);
    answer.cancel();
    if (isRetry || !refusals.has(response.status) || !(await location.renew?.(first))) throw error;
    return this.ask(location, headers, allowed, true);
  }

  /** After a failure: waits for the next attempt, or throws if there is none or it cannot help. */
  async recover(location: RemoteLocation, backoff: Backoff, error: unknown): Promise<void> {
    if (!(error instanceof PassingFailure)) throw error;
    if (await backoff.wait(error.retryAfterMs)) return;
    throw new StorageError(`Cannot ${location.verb ?? 'read'} the object: ${error.message}`, {
      where: { url: location.name, tries: backoff.failures },
      next: 'Check the connection and the server, then try again; the storage option retries allows more tries.',
      cause: error,
    });
  }

  /** Repeats a request until `take` accepts the response. */
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

  /** Sends a request and follows redirects. (A browser follows redirects itself and does not expose them.) */
  async #follow(
    location: RemoteLocation,
    headers: Readonly<Record<string, string>>,
    abort: AbortController,
  ): Promise<{ readonly first: Request; readonly request: Request; readonly response: Reply }> {
    const first = await makeRequest(location, () => location.request(headers));
    let request = first;
    for (let followed = 0; ; followed++) {
      const response = await this.#inTime(abort, () => send(request, abort.signal));
      const target = redirectTarget(response);
      if (target === undefined) return { first, request, response };
      response.body?.cancel().catch(() => {});
      if (followed === mostRedirects) throw tooManyRedirects(location);
      const before = request;
      request = await makeRequest(location, () => redirected(location, before, target, headers));
    }
  }

  /** Waits for the network at most as long as the time limit. */
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

  /** The time limit applies to the network, not to the reader. */
  async *#piecesOf(
    { body }: Reply,
    abort: AbortController,
    completed: () => void,
  ): AsyncGenerator<Uint8Array> {
    const reader = body?.getReader();
    if (!reader) return;
    // Bytes received and time waited since the last sufficient amount.
    let came = 0;
    let waitedMs = 0;
    let waitingSince: number | undefined;
    const leftMs = () =>
      this.#timeoutMs - waitedMs - (waitingSince === undefined ? 0 : performance.now() - waitingSince);
    // One timer that is rearmed if it fires early: a new timer per chunk would cost more than the chunk.
    const look = (): void => {
      if (waitingSince !== undefined && leftMs() <= 0) abort.abort();
      else timer = setTimeout(look, waitingSince === undefined ? this.#timeoutMs : Math.max(1, leftMs()));
    };
    let timer = setTimeout(look, this.#timeoutMs);
    try {
      for (;;) {
        waitingSince = performance.now();
        const { done, value } = await reader.read();
        waitedMs += performance.now() - waitingSince;
        waitingSince = undefined;
        if (done || value === undefined) {
          completed();
          return;
        }
        came += value.length;
        if (came >= fewBytes) came = waitedMs = 0;
        yield value;
      }
    } catch (error) {
      throw this.#failure(abort, error, came);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(abort: AbortController, error: unknown, came = 0): unknown {
    if (abort.signal.aborted) {
      const amount = came === 0 ? 'nothing' : `only ${came} bytes`;
      return new PassingFailure(`${amount} came for ${this.#timeoutMs} ms`, { cause: error });
    }
    return isNetworkFailure(error) ? new PassingFailure(reasonOf(error), { cause: error }) : error;
  }
}

/** Makes a request for the plain bytes. @throws {@link StorageError} without showing values that HTTP does not allow */
async function makeRequest(
  location: RemoteLocation,
  make: () => Request | Promise<Request>,
): Promise<Request> {
  let request: Request;
  try {
    request = await make();
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    // Without the cause, which shows the value.
    throw new StorageError(
      'The request cannot be sent: its URL or a header contains characters that HTTP does not allow',
      {
        where: { url: location.name },
        next: 'Look for line breaks and other control characters in headers, HF_TOKEN, and the keys and tokens of the cloud.',
      },
    );
  }
  // A range of a compressed transfer would be a range of other bytes.
  request.headers.set('accept-encoding', 'identity');
  return request;
}

/** Errors of `fetch`, and of a body that breaks off, are TypeErrors. */
function isNetworkFailure(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof Error && error.name === 'AbortError');
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error) || cause.message === '') return messageOf(error);
  const code = errorCode(cause);
  return code === undefined || cause.message.includes(code) ? cause.message : `${cause.message} (${code})`;
}

/**
 * The text of a response.
 *
 * @throws {@link StorageError} if it is longer than any valid response: it may never end.
 */
export async function readText(location: RemoteLocation, { body }: RemoteAnswer): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of body) {
    text += decoder.decode(piece, { stream: true });
    if (text.length <= longestText) continue;
    throw new StorageError(`The server's response is longer than ${longestText} characters`, {
      where: { url: location.name },
      next: 'Check the URL and the endpoint: a page of a list of files is shorter.',
    });
  }
  return text;
}
