import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Whether an address is this machine's alone. */
export function isLoopback(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/^::ffff:/, '');
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}

/** The address to reach a server of this machine by that listens at `host`. */
export function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

/** Says who may look at the page. */
export class PageAccess {
  readonly #host: string;
  readonly #token: string | undefined;

  constructor(host: string, token: string | undefined) {
    this.#host = host;
    this.#token = token;
  }

  /** Why a request is refused; `undefined` where it is not. */
  refusal(request: IncomingMessage, url: URL): string | undefined {
    // A page elsewhere can have its name resolved to this machine, but not change the name in its requests.
    if (isLoopback(this.#host) && !isLoopback(hostnameOf(request)))
      return 'This page is for this machine alone: open it by 127.0.0.1 or localhost.';
    if (this.#token === undefined || sameText(url.searchParams.get('token') ?? '', this.#token))
      return undefined;
    return 'The token is missing from the URL, or is another one. The run has printed the URL to use.';
  }

  /**
   * Whether a request comes from another run of this machine. A page in a browser cannot send this header to another origin, because
   * the server does not allow it.
   */
  isNeighbor(request: IncomingMessage): boolean {
    const { remoteAddress: from = '', localAddress } = request.socket;
    return (
      (isLoopback(from) || from === localAddress) &&
      request.headers[neighborHeader] === '1' &&
      request.headers.origin === undefined
    );
  }

  /** Proves to a run that this page asks for the token that the run has; `undefined` where it asks for none. */
  proof(challenge: Challenge): string | undefined {
    return this.#token === undefined ? undefined : proofOf(this.#token, challenge);
  }
}

/** What a run asks a page before it sends anything. A proof for one port or one question is none for another. */
export interface Challenge {
  /** Made up by the run. */
  readonly nonce: string;
  readonly port: number;
}

/** Whether a page has proved that it asks for this token. */
export function isProofOf(token: string, challenge: Challenge, proof: string): boolean {
  return sameText(proofOf(token, challenge), proof);
}

function proofOf(token: string, { nonce, port }: Challenge): string {
  return createHmac('sha256', token).update(`millrace live page ${port} ${nonce}`).digest('base64url');
}

/** Says that a request comes from a run. */
export const neighborHeader = 'x-millrace-run';

function hostnameOf(request: IncomingMessage): string {
  const url = `http://${request.headers.host ?? ''}`;
  return URL.canParse(url) ? new URL(url).hostname : '';
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
