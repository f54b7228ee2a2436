import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { ObjectServer } from './object-server.js';

/** What the two stand-ins share: they check who asks, list page by page, and store what is written. */
abstract class CloudServer extends ObjectServer {
  /** Objects of a page of a list. */
  pageLength = 3;

  constructor() {
    super();
    this.onRequest = (request, response) => {
      const problem = this.refusal(request);
      if (problem) {
        response
          .writeHead(problem.status)
          .end(`<Error><Code>Refused</Code><Message>${problem.text}</Message></Error>`);
        return true;
      }
      const url = new URL(request.url!, 'http://localhost');
      if (request.method === 'GET') {
        const list = this.list(url);
        if (list !== undefined) response.end(list);
        return list !== undefined;
      }
      void buffer(request).then((body) => this.write(request, url, body, response));
      return true;
    };
  }

  protected abstract refusal(
    request: IncomingMessage,
  ): { readonly status: number; readonly text: string } | undefined;
  protected abstract list(url: URL): string | undefined;
  protected abstract write(request: IncomingMessage, url: URL, body: Buffer, response: ServerResponse): void;

  /** One page of the objects below a prefix, in order, and the last name on it if there are more. */
  protected page(root: string, prefix: string, after: string) {
    const keys = [...this.objects.keys()]
      .filter((name) => name.startsWith(root + prefix))
      .map((name) => name.slice(root.length))
      .sort()
      .filter((key) => key > after);
    const shown = keys.slice(0, this.pageLength);
    return { shown, next: keys.length > shown.length ? shown.at(-1)! : '' };
  }
}

/** The XML API of Google Cloud Storage. */
export class GoogleServer extends CloudServer {
  token = 'ya29.SECRETTOKEN';
  /** The project that must pay, if the requester pays. */
  payer: string | undefined;
  readonly #uploads = new Map<string, Map<number, Buffer>>();

  protected refusal({ headers }: IncomingMessage) {
    if (headers.authorization !== `Bearer ${this.token}`)
      return { status: 401, text: `Invalid token ${headers.authorization}` };
    if (this.payer && headers['x-goog-user-project'] !== this.payer)
      return { status: 400, text: 'Bucket is a requester pays bucket but no user project provided.' };
    return undefined;
  }

  protected list(url: URL) {
    if (url.searchParams.get('list-type') !== '2') return undefined;
    const bucket = url.pathname.split('/')[1]!;
    const { shown, next } = this.page(
      `/${bucket}/`,
      url.searchParams.get('prefix') ?? '',
      url.searchParams.get('continuation-token') ?? '',
    );
    const contents = shown.map((key) => {
      const { bytes, etag } = this.objects.get(`/${bucket}/${key}`)!;
      const tag = etag?.replaceAll('"', '&quot;');
      return `<Contents><Key>${encodeURIComponent(key)}</Key><Generation>1</Generation><Size>${bytes.length}</Size><ETag>${tag}</ETag></Contents>`;
    });
    return (
      `<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns="http://doc.s3.amazonaws.com/2006-03-01">` +
      `<EncodingType>url</EncodingType><IsTruncated>${next !== ''}</IsTruncated>` +
      `${next && `<NextContinuationToken>${next}</NextContinuationToken>`}${contents.join('')}</ListBucketResult>`
    );
  }

  protected write({ method }: IncomingMessage, url: URL, body: Buffer, response: ServerResponse): void {
    const name = decodeURIComponent(url.pathname);
    const upload = url.searchParams.get('uploadId');
    if (method === 'POST' && url.searchParams.has('uploads')) {
      this.#uploads.set(name, new Map());
      response.end(
        `<InitiateMultipartUploadResult><UploadId>${name}</UploadId></InitiateMultipartUploadResult>`,
      );
      return;
    }
    if (upload !== null) {
      const parts = this.#uploads.get(upload)!;
      if (method === 'PUT') parts.set(Number(url.searchParams.get('partNumber')), body);
      if (method === 'POST')
        this.put(name, Buffer.concat([...parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes)));
      response.writeHead(200, { etag: `"${createHash('md5').update(body).digest('hex')}"` }).end('<ok/>');
      return;
    }
    if (method === 'PUT') this.put(name, body);
    const status = method === 'DELETE' && !this.objects.delete(name) ? 404 : 200;
    response.writeHead(status).end();
  }
}

export const azureKey = Buffer.from('SECRETKEY of an account').toString('base64');

/** Azure Blob Storage with an account in the path, as emulators have it. */
export class AzureServer extends CloudServer {
  account = 'account';
  /** What is accepted besides the account's key. */
  token = 'eyJ.SECRETTOKEN';
  signature = 'SECRETSIG%3D';
  readonly #blocks = new Map<string, Buffer>();

  get endpoint(): string {
    return `${this.origin}/${this.account}`;
  }

  protected refusal(request: IncomingMessage) {
    const { authorization } = request.headers;
    if (!request.headers['x-ms-version']) return { status: 400, text: 'No version' };
    const isAllowed =
      authorization === `Bearer ${this.token}` ||
      new RegExp(`[?&]sv=1&sig=${this.signature}(&|$)`).test(request.url!) ||
      (authorization !== undefined &&
        authorization === `SharedKey ${this.account}:${sharedKey(request, this.account)}`);
    return isAllowed ? undefined : { status: 403, text: `Not authorized: ${authorization} ${request.url}` };
  }

  protected list(url: URL) {
    if (url.searchParams.get('comp') !== 'list') return undefined;
    const { shown, next } = this.page(
      `${url.pathname}/`,
      url.searchParams.get('prefix') ?? '',
      url.searchParams.get('marker') ?? '',
    );
    const blobs = shown.map((key) => {
      const { bytes, etag } = this.objects.get(`${url.pathname}/${key}`)!;
      const kind = key.endsWith('.folder') ? '<ResourceType>directory</ResourceType>' : '';
      const name = /[^\x20-\x7e]/.test(key)
        ? `<Name Encoded="true">${encodeURIComponent(key)}</Name>`
        : `<Name>${key}</Name>`;
      return `<Blob>${name}<Properties><Etag>${etag?.replaceAll('"', '')}</Etag><Content-Length>${bytes.length}</Content-Length>${kind}</Properties></Blob>`;
    });
    return `\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="c"><Blobs>${blobs.join('')}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`;
  }

  protected write(request: IncomingMessage, url: URL, body: Buffer, response: ServerResponse): void {
    const name = decodeURIComponent(url.pathname);
    const part = url.searchParams.get('comp');
    if (part === 'block') this.#blocks.set(`${name} ${url.searchParams.get('blockid')}`, body);
    else if (part === 'blocklist')
      this.put(
        name,
        Buffer.concat(
          [...body.toString().matchAll(/<Uncommitted>(.*?)</g)].map(
            ([, id]) => this.#blocks.get(`${name} ${id}`)!,
          ),
        ),
      );
    else if (request.method === 'DELETE') {
      response.writeHead(this.objects.delete(name) ? 202 : 404).end();
      return;
    } else if (request.headers['x-ms-blob-type'] === 'BlockBlob') this.put(name, body);
    else {
      response.writeHead(400).end('<Error><Message>No blob type</Message></Error>');
      return;
    }
    response.writeHead(201).end();
  }
}

/** The signature "Shared Key" from Azure's documentation, apart from the code that signs. */
function sharedKey({ method, url, headers }: IncomingMessage, account: string): string {
  const { pathname, searchParams } = new URL(url!, 'http://localhost');
  const of = (name: string) => headers[name] ?? '';
  const length = of('content-length');
  const own = Object.keys(headers)
    .filter((name) => name.startsWith('x-ms-'))
    .sort()
    .map((name) => `${name}:${headers[name]}\n`)
    .join('');
  const query = [...new Set(searchParams.keys())]
    .sort()
    .map((name) => `\n${name}:${searchParams.getAll(name).sort().join(',')}`)
    .join('');
  const text =
    `${method}\n${of('content-encoding')}\n${of('content-language')}\n${length === '0' ? '' : length}\n` +
    `${of('content-md5')}\n${of('content-type')}\n${of('date')}\n${of('if-modified-since')}\n${of('if-match')}\n` +
    `${of('if-none-match')}\n${of('if-unmodified-since')}\n${of('range')}\n${own}/${account}${pathname}${query}`;
  return createHmac('sha256', Buffer.from(azureKey, 'base64')).update(text).digest('base64');
}
