import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Whether an address is a loopback address. */
export function isLoopback(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/^::ffff:/, '');
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** The address for local connections to a server that listens on `host`. */
export function localAddressOf(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

/** Decides who may open the page. */
export class PageAccess {
  readonly #host: string;
  readonly #token: string | undefined;

  constructor(host: string, token: string | undefined) {
    this.#host = host;
    this.#token = token;
  }

  /** The reason to refuse a request, or `undefined`. */
  refusal(request: IncomingMessage, url: URL): string | undefined {
    // Prevents DNS rebinding: a foreign site can resolve its name to this machine, but the Host header still has that
    // name.
    if (isLoopback(this.#host) && !isLoopback(hostnameOf(request)))
      return 'This page is available on this machine only: open it as 127.0.0.1 or localhost.';
    if (this.#token === undefined || sameText(url.searchParams.get('token') ?? '', this.#token))
      return undefined;
    return 'The token in the URL is missing or wrong. The run has printed the correct URL.';
  }

  /**
   * Whether a request comes from another run on this machine. A browser cannot send this header across origins,
   * because the server does not allow it.
   */
  isNeighbor(request: IncomingMessage): boolean {
    const { remoteAddress: from = '', localAddress } = request.socket;
    return (
      (isLoopback(from) || from === localAddress) &&
      request.headers[neighborHeader] === '1' &&
      request.headers.origin === undefined
    );
  }

  /** Proves to a run that this page has the run's token; `undefined` if the page has none. */
  proof(challenge: Challenge): string | undefined {
    return this.#token === undefined ? undefined : proofOf(this.#token, challenge);
  }
}

/** A run's challenge to a page. A proof is valid for one port and one challenge. */
export interface Challenge {
  /** Random, chosen by the run. */
  readonly nonce: string;
  readonly port: number;
}

/** Whether a page has proved that it has this token. */
export function isProofOf(token: string, challenge: Challenge, proof: string): boolean {
  return sameText(proofOf(token, challenge), proof);
}

function proofOf(token: string, { nonce, port }: Challenge): string {
  return createHmac('sha256', token).update(`millrace live page ${port} ${nonce}`).digest('base64url');
}

/** Marks requests from runs. */
export const neighborHeader = 'x-millrace-run';

function hostnameOf(request: IncomingMessage): string {
  const url = `http://${request.headers.host ?? ''}`;
  return URL.canParse(url) ? new URL(url).hostname : '';
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
