import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ConfigError } from '../core/errors.js';
import { isLoopback } from '../monitor/dashboard/page-access.js';
import { Refusal } from './error-reply.js';
import type { ListenAddress } from './listen-address.js';

/** Decides who may ask a server for batches. */
export class Access {
  readonly #address: ListenAddress;
  readonly #token: string | undefined;

  /** @throws {@link ConfigError} for an address that other machines reach, without a token */
  constructor(address: ListenAddress, token: string | undefined) {
    if (token !== undefined && !/^[\x21-\x7e]{8,}$/.test(token)) {
      const message = 'must have 8 or more printable characters without spaces';
      throw new ConfigError('millrace serve', [{ field: '--token', message }]);
    }
    if (address.type === 'tcp' && !isLoopback(address.host) && token === undefined) {
      const message = `is needed for ${address.host}, which other machines can reach: pass one, or set MILLRACE_TOKEN`;
      throw new ConfigError('millrace serve', [{ field: '--token', message }]);
    }
    this.#address = address;
    this.#token = token;
  }

  /** @throws {@link Refusal} if the request may not have an answer */
  check(request: IncomingMessage): void {
    if (this.#token !== undefined) {
      const given = request.headers.authorization ?? '';
      if (sameText(given, `Bearer ${this.#token}`)) return;
      throw new Refusal(
        401,
        'ERR_MILLRACE_SERVE_TOKEN',
        given === ''
          ? 'A token is needed. Pass token=… to the loader, or set MILLRACE_TOKEN.'
          : 'The token is wrong.',
      );
    }
    // A page of another site can resolve its own name to this machine; the Host header then has that name.
    if (this.#address.type === 'tcp' && !isLoopback(hostOf(request)))
      throw new Refusal(
        401,
        'ERR_MILLRACE_SERVE_TOKEN',
        'Without a token, this server answers to 127.0.0.1 and localhost only.',
      );
  }
}

function hostOf(request: IncomingMessage): string {
  const url = `http://${request.headers.host ?? ''}`;
  return URL.canParse(url) ? new URL(url).hostname : '';
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
