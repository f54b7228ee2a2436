import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { Dataset } from '../../core/dataset.js';
import { SampleError } from '../../core/errors.js';
import { sampleContext } from '../../random/sample-context.js';
import { failureKind } from './failure-kind.js';
import type { MapContext, MapFunction } from './map-function.js';
import type { MapLimits } from './map-limits.js';
import { RateLimiter } from './rate.js';

/** What calls have used so far. */
export interface Usage {
  /** Calls, with their further attempts. */
  readonly calls: number;
  readonly tokens: number;
  readonly cost: number;
}

/** Result of a call: one value per sample, or the error of its last attempt. */
export type CallResult =
  | { readonly values: readonly unknown[]; readonly tokens: number }
  | { readonly error: unknown; readonly tokens: number };

const longestPauseMs = 60_000;

/** Calls the function of a map within its limits. All calls of an instance share them. */
export class MapCalls {
  readonly #dataset: Dataset<unknown>;
  readonly #fn: MapFunction;
  readonly #limits: MapLimits;
  readonly #rate: RateLimiter;
  readonly #lane: ReturnType<typeof pLimit>;
  #calls = 0;
  #tokens = 0;
  #cost = 0;

  constructor(dataset: Dataset<unknown>, fn: MapFunction, limits: MapLimits) {
    this.#dataset = dataset;
    this.#fn = fn;
    this.#limits = limits;
    this.#rate = new RateLimiter(limits.rate, limits.tokenRate);
    this.#lane = pLimit(limits.concurrency);
  }

  get usage(): Usage {
    return { calls: this.#calls, tokens: this.#tokens, cost: this.#cost };
  }

  /**
   * Calls the function with these samples, when fewer calls than `concurrency` are running.
   *
   * @param isStopped - Asked before the call starts; if it is true, nothing is called and the result is `undefined`.
   */
  call(indices: readonly number[], isStopped: () => boolean): Promise<CallResult | undefined> {
    return this.#lane(async () => {
      if (isStopped()) return undefined;
      const samples = await Promise.all(
        indices.map(async (index) => this.#dataset.get(index, sampleContext(index))),
      );
      let tokens = 0;
      const onTokens = (more: number): void => {
        tokens += more;
      };
      for (let attempt = 1; ; attempt++) {
        try {
          return { values: await this.#attempt(samples, indices[0]!, attempt, onTokens), tokens };
        } catch (error) {
          const { isPassing, waitMs } = failureKind(error);
          if (!isPassing || attempt > this.#limits.retries || isStopped()) return { error, tokens };
          const pause = Math.min(longestPauseMs, this.#limits.retryMs * 2 ** (attempt - 1));
          // Spread over half of the pause, so that calls that failed together do not come back together.
          const own = pause * (1 - Math.random() / 2);
          // A server that names a time means all calls.
          if (waitMs !== undefined) this.#rate.pause(waitMs);
          await sleep(Math.max(waitMs ?? 0, own));
        }
      }
    });
  }

  async #attempt(
    samples: readonly unknown[],
    index: number,
    attempt: number,
    onTokens: (tokens: number) => void,
  ): Promise<readonly unknown[]> {
    const { batchSize, timeoutMs } = this.#limits;
    const settle = await this.#rate.start();
    this.#calls += 1;
    let used = 0;
    const abort = new AbortController();
    const timer = setTimeout(
      () => abort.abort(new DOMException(`No result within ${timeoutMs} ms`, 'TimeoutError')),
      timeoutMs,
    );
    const context: MapContext = {
      index,
      attempt,
      signal: abort.signal,
      report: ({ tokens = 0, cost = 0 }) => {
        used += tokens;
        onTokens(tokens);
        this.#tokens += tokens;
        this.#cost += cost;
      },
    };
    const input = batchSize === undefined ? samples[0] : samples;
    try {
      const result = await Promise.race([this.#fn(input as never, context), whenAborted(abort.signal)]);
      return batchSize === undefined ? [result] : listOf(result, samples.length, index);
    } finally {
      clearTimeout(timer);
      settle(used);
    }
  }
}

/** Rejects with a `TimeoutError`, even if the function does not look at the signal. */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** @throws {@link SampleError} for a result that is not one value per sample. */
function listOf(result: unknown, samples: number, index: number): readonly unknown[] {
  if (Array.isArray(result) && result.length === samples) return result;
  const what = Array.isArray(result) ? `${result.length} results` : 'no list';
  throw new SampleError(`The function returned ${what} for ${samples} samples`, {
    where: { firstIndex: index },
    next: 'With batchSize, return a list with one result per sample, in the same order.',
  });
}
