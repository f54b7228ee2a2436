import { XMLParser } from 'fast-xml-parser';
import { StorageError } from '../core/errors.js';
import type { KnownVersion } from './listed-object.js';
import { type RemoteClient, readText } from './remote-client.js';
import type { RemoteLocation } from './remote-location.js';

/** Limits on objects per list and on pages without a new object: a server beyond them never stops. */
export const mostObjects = 10 ** 7;
const mostEmptyPages = 1_000;

/** One page of a list. */
export interface ListPage<T> {
  readonly found: readonly T[];
  /** Token that requests the next page; `undefined` or empty on the last page. */
  readonly next: string | undefined;
}

/**
 * All pages of a list.
 *
 * @param folder - For messages.
 * @throws {@link StorageError} if the pages never end.
 */
export async function allPages<T>(
  folder: string,
  pageOf: (token: string | undefined) => Promise<ListPage<T>>,
): Promise<T[]> {
  const all: T[] = [];
  const tokens = new Set<string>();
  let empty = 0;
  for (let token: string | undefined; ; ) {
    const { found, next } = await pageOf(token);
    for (const each of found) all.push(each);
    if (!next) return all;
    empty = found.length === 0 ? empty + 1 : 0;
    if (tokens.has(next) || empty > mostEmptyPages || all.length > mostObjects) throw endlessList(folder);
    tokens.add(next);
    token = next;
  }
}

/** What a listing says about an object; `undefined` if it leaves out the size or the tag. */
export function listedVersion(size: string | undefined, tag: string | undefined): KnownVersion | undefined {
  if (size === undefined || !/^\d+$/.test(size) || !tag) return undefined;
  // Some stores list tags without their quotes.
  return { byteLength: Number(size), etag: /^"|^W\//.test(tag) ? tag : `"${tag}"` };
}

/** @param arrays - Elements that are arrays, however many there are. */
export function xmlParser(arrays: readonly string[]): (text: string) => unknown {
  const parser = new XMLParser({
    parseTagValue: false,
    trimValues: false,
    ignoreAttributes: false,
    // Characters that XML encodes as numbers, which keys may contain.
    htmlEntities: true,
    isArray: (name) => arrays.includes(name),
  });
  return (text) => {
    // A document type is refused: its entities could expand without bound.
    if (/<!DOCTYPE/i.test(text)) return undefined;
    try {
      return parser.parse(text);
    } catch {
      return undefined;
    }
  };
}

export function textOf(
  client: RemoteClient,
  location: RemoteLocation,
  look?: (headers: Pick<Headers, 'get'>) => void,
): Promise<string> {
  return client.get(location, {}, (answer) => {
    look?.(answer.headers);
    return readText(location, answer);
  });
}

export function notAList(folder: string): StorageError {
  return new StorageError("The server's response is not a list of files", {
    where: { url: folder },
    next: 'Check the URL and the endpoint (AWS_ENDPOINT_URL, HF_ENDPOINT, the option endpoint).',
  });
}

export function endlessList(folder: string): StorageError {
  return new StorageError("The server's list of files never ends", {
    where: { url: folder },
    next: 'Check the endpoint (AWS_ENDPOINT_URL, HF_ENDPOINT, the option endpoint), or name files by {000..099} instead of a folder.',
  });
}
