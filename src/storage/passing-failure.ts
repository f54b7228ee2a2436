/** What failed for now and may succeed later. */
export class PassingFailure extends Error {
  /** How long the server asks to wait. */
  readonly retryAfterMs: number;

  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options);
    this.retryAfterMs = options?.retryAfterMs ?? 0;
  }
}

/** The failure of an answer that ended too early. */
export function cutShort(found: number, needed: number): Error {
  return new PassingFailure(`the connection ended after ${found} of ${needed} bytes`);
}
