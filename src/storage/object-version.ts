import { StorageError } from '../core/errors.js';
import { warn } from '../core/warn.js';
import { refuseEncoded } from './content-encoding.js';
import type { RemoteAnswer } from './remote-client.js';
import type { RemoteLocation } from './remote-location.js';

/** Identifies a version of an object. */
export interface ObjectVersion {
  readonly byteLength: number;
  /** The `ETag` header, or `Last-Modified`, if the server sends one of them; `undefined` before the first response. */
  readonly validator: string | null | undefined;
  /** A hash of the content, if a listing gives one. */
  readonly content?: string | undefined;
}

/** Length and version of an object, from the first response. */
export interface FirstLook {
  readonly version: ObjectVersion;
  readonly servesRanges: boolean;
}

/** Evaluates the response to a request for the first bytes. */
export function lookAt(location: RemoteLocation, { status, headers }: RemoteAnswer): FirstLook {
  refuseEncoded(location.name, headers);
  const validator = validatorOf(headers);
  // An empty object has no first bytes.
  const byteLength =
    status === 200 ? lengthOf(headers) : (contentRange(headers)?.total ?? (status === 416 ? 0 : undefined));
  if (byteLength === undefined) {
    throw new StorageError('The server does not send the length of the object', {
      where: { url: location.name },
      next: 'Copy it to a disk, or to a server that sends Content-Length.',
    });
  }
  return { version: { byteLength, validator }, servesRanges: status !== 200 };
}

export function validatorOf(headers: Pick<Headers, 'get'>): string | null {
  return headers.get('etag') ?? headers.get('last-modified');
}

export function lengthOf(headers: Pick<Headers, 'get'>): number | undefined {
  const length = headers.get('content-length');
  return length === null ? undefined : countOf(length);
}

/** Parses a number of bytes from a header; `undefined` for anything else. */
function countOf(text: string): number | undefined {
  const count = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(count) ? count : undefined;
}

/** A strong ETag: equal tags mean equal bytes, not just equal meaning. */
export function strongTag({ validator }: ObjectVersion): string | undefined {
  return validator?.startsWith('"') ? validator : undefined;
}

const warnedOf = new Set<string>();

/** Warns once per server. */
export function warnOfNoVersion(name: string): void {
  const [host = ''] = /^[^/]*\/\/[^/?#]*/.exec(name) ?? [];
  if (warnedOf.has(host)) return;
  warnedOf.add(host);
  warn({
    code: 'MILLRACE_NO_VERSION',
    message:
      `${name} has neither ETag nor Last-Modified, so a change during the run would go unnoticed, and bytes of two versions would be mixed. ` +
      'Do not change the objects during the run, or copy them to a server that sends one of the two.',
  });
}

export function contentRange(
  headers: Pick<Headers, 'get'>,
): { start: number; total: number | undefined } | undefined {
  const [, start = '0', total] =
    /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
  if (total === undefined) return undefined;
  return { start: Number(start), total: countOf(total) };
}
