import { ConfigError } from '../../core/errors.js';

/** A request as it is signed. */
export interface SignedParts {
  readonly method: string;
  readonly url: URL;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body. */
  readonly contentLength: number;
  readonly account: string;
}

/** Headers whose values the signature covers, in this order. The length of the body comes between the second and the third. */
const signedHeaders = [
  'content-encoding',
  'content-language',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
] as const;

/**
 * The signature of a request by "Shared Key", as Azure documents it for its storage services.
 *
 * @param accountKey - In base64.
 */
export async function azureSignature(parts: SignedParts, accountKey: string): Promise<string> {
  const key = await crypto.subtle.importKey(
    'raw',
    bytesOf(accountKey),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  );
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(textToSign(parts)));
  return btoa(String.fromCharCode(...new Uint8Array(signature)));
}

function textToSign({ method, url, headers, contentLength, account }: SignedParts): string {
  const values = signedHeaders.map((name) => headers[name] ?? '');
  const own = Object.entries(headers)
    .filter(([name]) => name.startsWith('x-ms-'))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value.trim()}\n`);
  const query = new Map<string, string[]>();
  for (const [name, value] of url.searchParams)
    query.set(name.toLowerCase(), [...(query.get(name.toLowerCase()) ?? []), value]);
  const parameters = [...query]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, all]) => `\n${name}:${all.sort().join(',')}`);
  return [
    method,
    ...values.slice(0, 2),
    contentLength || '',
    ...values.slice(2),
    `${own.join('')}/${account}${url.pathname}${parameters.join('')}`,
  ].join('\n');
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
  } catch {
    throw new ConfigError('Storage options', [
      { field: 'credentials', message: 'accountKey must be the base64 text that Azure shows' },
    ]);
  }
}
