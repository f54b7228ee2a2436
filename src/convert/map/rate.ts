import { setTimeout as sleep } from 'node:timers/promises';

/** Time, replaced in tests. */
export interface Clock {
  /** Milliseconds. */
  now(): number;
  sleep(ms: number): Promise<unknown>;
}

const realClock: Clock = { now: () => performance.now(), sleep: (ms) => sleep(ms) };

const unitMs: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['min', 60_000],
  ['h', 3_600_000],
]);

/** Milliseconds per unit of a rate: `600/min`, `10/s`, `5000/h`; `undefined` if the text is none. */
export function intervalOf(rate: string): number | undefined {
  const [, count, unit] = /^(\d+(?:\.\d+)?)\/(s|min|h)$/.exec(rate) ?? [];
  const ms = (unitMs.get(unit ?? '') ?? 0) / Number(count);
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/**
 * Limits calls and tokens in time. Calls start at even intervals, so no window of time holds more of them than the rate
 * allows. The tokens of a call are known when it has ended: each call reserves the mean of those before it, and its end
 * corrects that. Tokens therefore keep to the rate on average, and the first calls may exceed it together.
 */
export class RateLimiter {
  readonly #callMs: number;
  readonly #tokenMs: number;
  readonly #clock: Clock;
  #nextCall = Number.NEGATIVE_INFINITY;
  #nextToken = Number.NEGATIVE_INFINITY;
  #calls = 0;
  #tokens = 0;

  constructor(rate: string | undefined, tokenRate: string | undefined, clock = realClock) {
    this.#callMs = (rate && intervalOf(rate)) || 0;
    this.#tokenMs = (tokenRate && intervalOf(tokenRate)) || 0;
    this.#clock = clock;
  }

  /** Waits until a call may start. Returns a function to call with the tokens that it used. */
  async start(): Promise<(tokens: number) => void> {
    const reserved = this.#calls === 0 ? 0 : this.#tokens / this.#calls;
    const now = this.#clock.now();
    const at = Math.max(now, this.#nextCall, this.#nextToken);
    this.#nextCall = at + this.#callMs;
    this.#nextToken = Math.max(at, this.#nextToken) + reserved * this.#tokenMs;
    if (at > now) await this.#clock.sleep(at - now);
    return (tokens) => {
      this.#calls += 1;
      this.#tokens += tokens;
      this.#nextToken += (tokens - reserved) * this.#tokenMs;
    };
  }

  /** Starts no further call for a time. */
  pause(ms: number): void {
    this.#nextCall = Math.max(this.#nextCall, this.#clock.now() + ms);
  }
}
