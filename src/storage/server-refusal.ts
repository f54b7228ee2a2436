import { StorageError } from '../core/errors.js';
import type { Reply } from './node-request.js';
import { PassingFailure } from './passing-failure.js';
import type { RemoteLocation } from './remote-location.js';

/** Statuses that may not recur. */
const passingStatuses = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Most characters of a server's text in messages. */
const shownCharacters = 300;
/** Most characters of it that are read. */
const readCharacters = 4_096;

/** The error for a refused request: what the server says, and what to do. */
export async function refusal(
  location: RemoteLocation,
  request: Request,
  { status, statusText, headers }: Reply,
  body: AsyncIterable<Uint8Array>,
): Promise<Error> {
  const said = await excerpt(body);
  const text = [`${status} ${statusText}`.trim(), said].filter(Boolean).join(': ');
  const answer = withoutEchoes(text, request).slice(0, shownCharacters + 40);
  if (passingStatuses.has(status)) {
    return new PassingFailure(`the server answered ${answer}`, {
      retryAfterMs: retryAfter(headers.get('retry-after')),
    });
  }
  const where = { url: location.name, status };
  if (status === 404)
    return new StorageError(`There is no such object: the server answered ${answer}`, {
      where,
      next: 'Check the URL.',
    });
  const region = headers.get('x-amz-bucket-region');
  if (region && status < 400)
    return new StorageError('The bucket is in another region', {
      where: { ...where, region },
      next: `Set AWS_REGION=${region}.`,
    });
  if (status === 401 || status === 403)
    return new StorageError(`Access is denied: the server answered ${answer}`, {
      where,
      next: location.accessAdvice,
    });
  return new StorageError(`The server answered ${answer}`, {
    where,
    next: 'Check the URL, and what the server says.',
  });
}

/** The server's explanation: the message of an XML response, or the beginning of the text. */
async function excerpt(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  try {
    for await (const piece of body) {
      text += decoder.decode(piece.subarray(0, readCharacters), { stream: true });
      if (text.length > readCharacters) break;
    }
  } catch {
    // The status is explanation enough.
  }
  if (/^\s*<!doctype html|^\s*<html/i.test(text)) return '';
  const message = /<Message>([\s\S]*?)<\/Message>/.exec(text)?.[1] ?? text;
  return message.replace(/\s+/g, ' ').trim();
}

/** Request headers that contain no secrets. */
const openHeaders = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-length',
  'content-type',
  'host',
  'if-match',
  'range',
  'user-agent',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-request-payer',
  'x-goog-user-project',
  'x-ms-blob-type',
  'x-ms-date',
  'x-ms-version',
]);
/** Shorter values are not secrets, and removing them would garble every sentence. */
const shortestSecret = 4;

/** Removes secrets from a server's text: servers repeat query values and headers of the request in their errors. */
function withoutEchoes(text: string, request: Request): string {
  const secrets = new Set<string>();
  for (const part of new URL(request.url).search.slice(1).split('&')) {
    const value = part.slice(part.indexOf('=') + 1);
    // A secret may stand alone, and end in the padding of base64.
    secrets.add(value || part);
    for (const each of new URLSearchParams(part).values()) secrets.add(each);
  }
  for (const [name, value] of request.headers) {
    if (openHeaders.has(name)) continue;
    const [, encoded] = /^basic (.*)$/i.exec(value) ?? [];
    for (const each of [value, ...value.split(/[\s,]+/), ...(encoded ? credentialsIn(encoded) : [])])
      secrets.add(each);
  }
  return [...secrets]
    .filter((secret) => secret.length >= shortestSecret)
    .sort((a, b) => b.length - a.length)
    .reduce((shown, secret) => shown.replaceAll(secret, '…'), text);
}

/** User and password of basic authentication, decoded as bytes and as UTF-8. */
function credentialsIn(encoded: string): string[] {
  try {
    const bytes = atob(encoded);
    const text = new TextDecoder().decode(Uint8Array.from(bytes, (each) => each.charCodeAt(0)));
    return [bytes, text].flatMap((both) => [both, ...both.split(':')]);
  } catch {
    return [];
  }
}

/** Milliseconds of a `Retry-After` header, which holds seconds or a date. */
function retryAfter(header: string | null): number {
  if (!header) return 0;
  const ms = /^\d+$/.test(header) ? 1_000 * Number(header) : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
