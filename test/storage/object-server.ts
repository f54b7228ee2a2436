import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong with an answer. */
export type Fault =
  /** The connection is cut after so many bytes of the body. */
  | { readonly type: 'drop'; readonly after: number }
  /** This status instead of the object. */
  | { readonly type: 'status'; readonly status: number; readonly headers?: Record<string, string> }
  /** No answer ever. */
  | { readonly type: 'hang' }
  /** The body is sent up to here, then nothing more. */
  | { readonly type: 'stall'; readonly after: number }
  /** The answer says it is whole and is not. */
  | { readonly type: 'truncate'; readonly after: number };

export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly etag?: string;
  readonly lastModified?: string;
}

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

/** A real HTTP server with objects, ranges, `If-Match`, and failures on request. */
export class ObjectServer {
  readonly objects = new Map<string, StoredObject>();
  /** The next answers fail like this, one each. */
  readonly faults: Fault[] = [];
  readonly requests: SeenRequest[] = [];
  /** Answers that hang or stall so far. */
  silences = 0;
  servesRanges = true;
  honoursIfMatch = true;
  /** Called with each request before it is answered; an answer of its own replaces the server's. */
  onRequest: ((request: IncomingMessage, response: ServerResponse) => boolean | undefined) | undefined;
  readonly #server = createServer((request, response) => this.#answer(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Stores an object and gives its URL; its ETag is the MD5, as S3's is. */
  put(path: string, bytes: Uint8Array, headers?: Partial<StoredObject>): string {
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    this.objects.set(path, { bytes, ...(headers ?? { etag }) });
    return `${this.origin}${path}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.requests.push({ method: request.method!, url: request.url!, headers: request.headers });
    if (this.onRequest?.(request, response)) return;
    const fault = this.faults.shift();
    if (fault?.type === 'hang') {
      this.silences += 1;
      return;
    }
    if (fault?.type === 'status') {
      response.writeHead(fault.status, fault.headers).end('<Error><Message>Slow down.</Message></Error>');
      return;
    }
    const object = this.objects.get(decodeURIComponent(request.url!.split('?')[0]!));
    if (!object) {
      response.writeHead(404).end('nothing here');
      return;
    }
    const { bytes, etag, lastModified } = object;
    const validators = { ...(etag && { etag }), ...(lastModified && { 'last-modified': lastModified }) };
    const wanted = request.headers['if-match'];
    if (this.honoursIfMatch && wanted && wanted !== etag) {
      response.writeHead(412).end();
      return;
    }
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    if (!this.servesRanges || from === undefined) {
      this.#send(response, 200, { ...validators, 'content-length': bytes.length }, bytes, fault);
      return;
    }
    const start = Number(from);
    const end = Math.min(to ? Number(to) + 1 : bytes.length, bytes.length);
    if (start >= bytes.length) {
      response.writeHead(416, { ...validators, 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    const range = {
      'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
      'content-length': end - start,
    };
    this.#send(response, 206, { ...validators, ...range }, bytes.subarray(start, end), fault);
  }

  #send(
    response: ServerResponse,
    status: number,
    headers: Record<string, string | number>,
    body: Uint8Array,
    fault: Fault | undefined,
  ): void {
    if (!fault || !('after' in fault)) {
      response.writeHead(status, headers).end(body);
      return;
    }
    const sent = body.subarray(0, fault.after);
    if (fault.type === 'truncate') {
      response.writeHead(status, { ...headers, 'content-length': sent.length }).end(sent);
      return;
    }
    response.writeHead(status, headers);
    response.flushHeaders();
    response.write(sent, () => {
      if (fault.type === 'drop') response.destroy();
      else this.silences += 1;
    });
  }
}
