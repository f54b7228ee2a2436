import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import * as v from 'valibot';
import { failureKind } from '../../convert/map/failure-kind.js';
import { FormatError, StorageError } from '../../core/errors.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import { shownLocation } from '../../core/shown-location.js';
import { messageOf } from '../../core/thrown.js';

/** A model behind an HTTP server that speaks OpenAI's protocol: OpenAI, vLLM, and others. */
export interface ServedModel {
  /** Base URL of the API: `http://localhost:8000/v1`. */
  readonly url: string;
  readonly model: string;
  /** The key; read it from the environment. @defaultValue none */
  readonly apiKey?: string;
  /** Field of a sample that holds its text. @defaultValue `text`, `content` or `document`, or a sample that is a text */
  readonly field?: string;
  /** Texts of a request. @defaultValue `16` */
  readonly batchSize?: number;
  /** Requests that run at once. @defaultValue `4` */
  readonly concurrency?: number;
  /** Further attempts after a failure that passes, with growing pauses: status 408, 409, 425, 429 and 500 up, a lost connection. @defaultValue `5` */
  readonly retries?: number;
  /** Pause before the second attempt, in milliseconds; it doubles each time. @defaultValue `1_000` */
  readonly retryMs?: number;
}

const schema = v.object({
  url: v.pipe(v.string('must be a URL'), v.regex(/^https?:\/\//, 'must be a URL: http://localhost:8000/v1')),
  model: v.pipe(v.string('must be the name of a model'), v.nonEmpty('must be the name of a model')),
  apiKey: v.optional(v.string()),
  field: v.optional(v.string()),
  batchSize: v.optional(integerFrom(1), 16),
  concurrency: v.optional(integerFrom(1), 4),
  retries: v.optional(integerFrom(0), 5),
  retryMs: v.optional(integerFrom(0), 1_000),
});

/** Sends requests to a served model. */
export class ModelClient {
  readonly model: string;
  readonly field: string | undefined;
  readonly batchSize: number;
  /** Texts of the requests that run at once. */
  readonly textsAtOnce: number;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #retries: number;
  readonly #retryMs: number;
  readonly #lane: ReturnType<typeof pLimit>;

  constructor(owner: string, options: ServedModel) {
    const { url, model, apiKey, field, batchSize, concurrency, retries, retryMs } = parseOptions(
      `${owner} options`,
      schema,
      options,
    );
    this.model = model;
    this.field = field;
    this.batchSize = batchSize;
    this.textsAtOnce = batchSize * concurrency;
    this.#url = url.replace(/\/+$/, '');
    this.#headers = {
      'content-type': 'application/json',
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    };
    this.#retries = retries;
    this.#retryMs = retryMs;
    this.#lane = pLimit(concurrency);
  }

  /** Sends texts in requests of `batchSize`. Returns one answer per text, in order. */
  async each<Answer>(
    texts: readonly string[],
    ask: (texts: readonly string[]) => Promise<readonly Answer[]>,
  ): Promise<Answer[]> {
    const batches = Array.from({ length: Math.ceil(texts.length / this.batchSize) }, (_, k) =>
      texts.slice(k * this.batchSize, (k + 1) * this.batchSize),
    );
    const answers = await Promise.all(
      batches.map((batch) =>
        this.#lane(async () => {
          const found = await ask(batch);
          if (found.length === batch.length) return found;
          throw this.unexpected(`${found.length} answers for ${batch.length} texts`);
        }),
      ),
    );
    return answers.flat();
  }

  /** Posts a request. @throws {@link StorageError} if it fails, after its retries. */
  async post(path: string, body: object): Promise<unknown> {
    for (let attempt = 0; ; attempt++) {
      try {
        const response = await fetch(`${this.#url}${path}`, {
          method: 'POST',
          headers: this.#headers,
          body: JSON.stringify({ model: this.model, ...body }),
        });
        if (response.ok) return await response.json();
        const text = (await response.text()).slice(0, 200);
        throw Object.assign(new Error(`status ${response.status}: ${text}`), {
          status: response.status,
          headers: response.headers,
        });
      } catch (cause) {
        const { isPassing, waitMs = 0 } = failureKind(cause);
        if (isPassing && attempt < this.#retries) {
          await sleep(Math.max(waitMs, this.#retryMs * 2 ** attempt));
          continue;
        }
        throw new StorageError(`The model does not answer: ${messageOf(cause)}`, {
          where: { url: shownLocation(`${this.#url}${path}`), model: this.model },
          next: 'Check the URL, the name of the model and the key.',
          cause,
        });
      }
    }
  }

  /** The error for a response that violates the protocol. */
  unexpected(what: string): FormatError {
    return new FormatError(`The answer of the model has ${what}`, {
      where: { url: shownLocation(this.#url), model: this.model },
      next: 'Use a server that speaks the protocol of OpenAI, such as vLLM.',
    });
  }
}
