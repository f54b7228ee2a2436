import { createHash, createHmac } from 'node:crypto';
import { ObjectServer } from './object-server.js';

export const credentials = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};

/** A server of S3's path style that checks signatures and lists page by page; objects are named `/bucket/key`. */
export class S3Server extends ObjectServer {
  /** Keys of a page of a list. */
  pageLength = 3;

  constructor() {
    super();
    this.onRequest = (request, response) => {
      if (
        signatureOf(request.method!, request.url!, request.headers) !== claimed(request.headers.authorization)
      ) {
        response
          .writeHead(403)
          .end('<Error><Code>SignatureDoesNotMatch</Code><Message>Signatures differ.</Message></Error>');
        return true;
      }
      const url = new URL(request.url!, 'http://localhost');
      if (url.searchParams.get('list-type') !== '2') return false;
      response.end(this.#page(url));
      return true;
    };
  }

  #page(url: URL): string {
    const bucket = url.pathname.split('/')[1]!;
    const prefix = url.searchParams.get('prefix') ?? '';
    const after = url.searchParams.get('continuation-token') ?? '';
    const keys = [...this.objects.keys()]
      .filter((name) => name.startsWith(`/${bucket}/${prefix}`))
      .map((name) => name.slice(bucket.length + 2))
      .sort()
      .filter((key) => key > after);
    const page = keys.slice(0, this.pageLength);
    const isTruncated = keys.length > page.length;
    const contents = page.map(
      (key) => `<Contents><Key>${encodeURIComponent(key).replaceAll('%20', '+')}</Key></Contents>`,
    );
    const encoding = url.searchParams.has('encoding-type') ? '<EncodingType>url</EncodingType>' : '';
    const next = isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
    return `<?xml version="1.0"?><ListBucketResult>${encoding}<IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
  }
}

const claimed = (authorization = '') => /Signature=([0-9a-f]{64})/.exec(authorization)?.[1];

/** Signature Version 4 from its definition, apart from the library that signs. */
function signatureOf(
  method: string,
  target: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
) {
  const { authorization } = headers as { authorization?: string };
  const [, scope, names] = /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+)/.exec(authorization ?? '') ?? [];
  if (!scope || !names) return 'none';
  const [path, query = ''] = target.split('?') as [string, string?];
  const canonical = [
    method,
    path,
    query
      .split('&')
      .filter(Boolean)
      .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
      .sort()
      .join('&'),
    ...names.split(';').map((name) => `${name}:${headers[name]}`),
    '',
    names,
    headers['x-amz-content-sha256'],
  ].join('\n');
  const hash = createHash('sha256').update(canonical).digest('hex');
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, hash].join('\n');
  const key = scope
    .split('/')
    .reduce<string | Buffer>(
      (secret, part) => createHmac('sha256', secret).update(part).digest(),
      `AWS4${credentials.secretAccessKey}`,
    );
  return createHmac('sha256', key).update(toSign).digest('hex');
}
