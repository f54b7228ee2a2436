/** A failure that may not recur: the request can be retried. */
export class PassingFailure extends Error {
  /** Delay that the server asked for, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options);
    this.retryAfterMs = options?.retryAfterMs ?? 0;
  }
}

/** The failure of a response that ended too early. */
export function cutShort(found: number, needed: number): Error {
  return new PassingFailure(`the connection ended after ${found} of ${needed} bytes`);
}
