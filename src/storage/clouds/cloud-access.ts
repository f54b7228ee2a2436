import { ConfigError } from '../../core/errors.js';
import type { Secret } from '../lent-secret.js';
import type { CredentialChain } from './credential-chain.js';
import type { CloudCredentials } from './credentials.js';
import { HeldCredentials } from './held-credentials.js';

/** Sources and form of a cloud's credentials. */
export interface CredentialRules<C extends CloudCredentials> {
  /** The scheme of its URLs, for messages. */
  readonly scheme: string;
  /** The form of its credentials, for messages. */
  readonly form: string;
  /** Whether credentials are of this form. */
  readonly accepts: (credentials: CloudCredentials) => credentials is C;
  /** Credentials in environment variables, which may be renewed: they are read for each request. */
  readonly fromEnvironment: () => C | undefined;
  /** The names of these variables, for messages. */
  readonly variables: string;
  /** The cloud's own search for credentials: profiles, roles, metadata servers. */
  readonly chain: CredentialChain;
}

/** The credentials of a cloud: those given, else those of the environment, else those that its standard chain finds. */
export class CloudAccess<C extends CloudCredentials> {
  readonly #rules: CredentialRules<C>;
  readonly #given: HeldCredentials | undefined;

  constructor(rules: CredentialRules<C>, given: Secret<CloudCredentials> | undefined) {
    this.#rules = rules;
    this.#given = given && HeldCredentials.of(given);
  }

  /** @returns `undefined` if there are none: requests are not signed, as for public buckets */
  async current(): Promise<C | undefined> {
    if (this.#given) return this.#checked(await this.#given.current());
    const found = this.#rules.fromEnvironment() ?? (await this.#chain().current());
    return found && this.#checked(found);
  }

  /** Renews credentials that a server refused. @returns whether the new ones differ */
  async renew(refused: C | undefined): Promise<boolean> {
    if (this.#given) await this.#given.renew(refused);
    else if (!this.#rules.fromEnvironment()) await this.#chain().renew(refused);
    return JSON.stringify(await this.current()) !== JSON.stringify(refused);
  }

  /** What to do about a refusal, for messages. */
  advice(permissions: string): string {
    const { fromEnvironment, variables, chain } = this.#rules;
    if (this.#given || fromEnvironment() || chain.hasFound())
      return `Check that these credentials may ${permissions}.`;
    return `Set ${variables}, or pass credentials. ${chain.outcome()}`;
  }

  #chain(): HeldCredentials {
    return HeldCredentials.of(this.#rules.chain.find);
  }

  #checked(found: CloudCredentials | undefined): C {
    const { scheme, form, accepts } = this.#rules;
    if (found && accepts(found)) return found;
    throw new ConfigError('Storage options', [
      { field: 'credentials', message: `for ${scheme}: must be ${form}, or a function that returns it` },
    ]);
  }
}
