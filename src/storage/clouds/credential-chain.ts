import { MissingPeerError } from '../../core/errors.js';
import { isNode } from '../../core/platform.js';
import { withoutSecrets } from '../../core/shown-location.js';
import { messageOf } from '../../core/thrown.js';
import type { CloudCredentials } from './credentials.js';

/** Longest excerpt of a package's message, in characters. */
const shownCharacters = 300;

/**
 * A cloud's search for credentials, by the cloud's own package, which is an optional peer. Each search starts anew, so that keys that
 * were renewed in a file are found.
 */
export class CredentialChain {
  readonly #package: string;
  readonly #search: () => Promise<CloudCredentials | undefined>;
  #hasFound = false;
  #outcome = 'The request was not signed.';

  /**
   * @param search - Uses the package. It throws {@link MissingPeerError} if that is not installed, and any error if there are
   *   no credentials.
   */
  constructor(packageName: string, search: () => Promise<CloudCredentials | undefined>) {
    this.#package = packageName;
    this.#search = search;
  }

  /** Searches. @returns `undefined` if there are none, or the package is not installed */
  readonly find = async (): Promise<CloudCredentials | undefined> => {
    if (!isNode) return undefined;
    try {
      const found = await this.#search();
      this.#hasFound = found !== undefined;
      return found;
    } catch (error) {
      this.#hasFound = false;
      this.#outcome =
        error instanceof MissingPeerError
          ? `For profiles, roles and metadata servers: npm install ${this.#package}.`
          : `${this.#package} says: ${withoutSecrets(messageOf(error)).slice(0, shownCharacters)}`;
      return undefined;
    }
  };

  /** Whether the last search found credentials. */
  hasFound(): boolean {
    return this.#hasFound;
  }

  /** Why the last search found none, for messages. */
  outcome(): string {
    return this.#outcome;
  }
}
