import { isLent, revealSecret, type Secret } from './lent-secret.js';
import type { S3Credentials } from './s3-credentials.js';

/** Credentials are asked for again so long before they expire: requests with old ones may still be on their way. */
const marginMs = 5 * 60_000;

/** Credentials of a provider, which is asked again before they expire, and when a server refuses them. */
export class HeldCredentials {
  readonly #secret: Secret<S3Credentials>;
  #asked: Promise<S3Credentials> | undefined;

  private constructor(secret: Secret<S3Credentials>) {
    this.#secret = secret;
  }

  /** The same for all objects that a provider serves. */
  static of(secret: Secret<S3Credentials>): HeldCredentials {
    const key = isLent(secret) ? secret.lent : secret;
    const known = holders.get(key);
    if (known) return known;
    const made = new HeldCredentials(secret);
    holders.set(key, made);
    return made;
  }

  async current(): Promise<S3Credentials> {
    const asked = this.#asked;
    if (!asked) return this.#ask();
    const found = await asked;
    const { expiration } = found;
    const isFresh = expiration === undefined || new Date(expiration).getTime() - Date.now() > marginMs;
    return isFresh || this.#asked !== asked ? found : this.#ask();
  }

  /** Asks again, unless another request has: a server refused `refused`. */
  async renew(refused: S3Credentials): Promise<void> {
    const asked = this.#asked;
    if (asked && (await asked.catch(() => refused)) === refused && this.#asked === asked) await this.#ask();
  }

  async #ask(): Promise<S3Credentials> {
    const asked = revealSecret(this.#secret);
    this.#asked = asked;
    // A failure is not held: the next request asks again.
    asked.catch(() => {
      if (this.#asked === asked) this.#asked = undefined;
    });
    return asked;
  }
}

const holders = new Map<unknown, HeldCredentials>();
