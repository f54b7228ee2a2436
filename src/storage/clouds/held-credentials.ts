import { isLent, revealSecret, type Secret } from '../lent-secret.js';
import type { CloudCredentials } from './credentials.js';

/** Credentials are renewed this long before they expire, because requests with old ones may still be in flight. */
const marginMs = 5 * 60_000;

/** The result of a provider; `undefined` if a standard chain finds no credentials. */
type Held = CloudCredentials | undefined;

/** Credentials of a provider, which is called again before they expire and after a server refuses them. */
export class HeldCredentials {
  readonly #secret: Secret<Held>;
  #asked: Promise<Held> | undefined;

  private constructor(secret: Secret<Held>) {
    this.#secret = secret;
  }

  /** One instance for all objects of a provider. */
  static of(secret: Secret<Held>): HeldCredentials {
    const key = isLent(secret) ? secret.lent : secret;
    const known = holders.get(key);
    if (known) return known;
    const made = new HeldCredentials(secret);
    holders.set(key, made);
    return made;
  }

  async current(): Promise<Held> {
    const asked = this.#asked;
    if (!asked) return this.#ask();
    const found = await asked;
    const expiration = found?.expiration;
    const isFresh = expiration === undefined || new Date(expiration).getTime() - Date.now() > marginMs;
    return isFresh || this.#asked !== asked ? found : this.#ask();
  }

  /** Renews credentials that a server refused, unless another request has done so. */
  async renew(refused: Held): Promise<void> {
    const asked = this.#asked;
    if (asked && (await asked.catch(() => refused)) === refused && this.#asked === asked) await this.#ask();
  }

  async #ask(): Promise<Held> {
    const asked = revealSecret(this.#secret);
    this.#asked = asked;
    // A failure is not kept: the next request calls the provider again.
    asked.catch(() => {
      if (this.#asked === asked) this.#asked = undefined;
    });
    return asked;
  }
}

const holders = new Map<unknown, HeldCredentials>();
