import { XMLParser } from 'fast-xml-parser';
import * as v from 'valibot';
import { StorageError } from '../core/errors.js';
import {
  type HubFile,
  type HubOptions,
  hubEndpoint,
  hubLocationOf,
  parseHubUrl,
} from './hugging-face-location.js';
import type { KnownVersion, ListedObject } from './listed-object.js';
import { RemoteClient, readText } from './remote-client.js';
import { decoded, parseUrl, type RemoteLocation } from './remote-location.js';
import { parseS3Url, S3Service } from './s3-location.js';
import { type ResolvedStorageOptions, type StorageOptions, storageOptions } from './storage-options.js';
import { schemeOf } from './url-scheme.js';

/** Lists all objects below a folder of S3 or of the Hub, page by page. */
export function listRemote(folder: string, options: StorageOptions): Promise<ListedObject[]> {
  const resolved = storageOptions(options);
  const client = new RemoteClient(resolved);
  return schemeOf(folder) === 's3'
    ? listBucket(client, folder, resolved)
    : listRepository(client, folder, resolved);
}

const pageSchema = v.object({
  ListBucketResult: v.object({
    EncodingType: v.optional(v.string()),
    IsTruncated: v.optional(v.string()),
    NextContinuationToken: v.optional(v.string()),
    Contents: v.optional(
      v.array(v.object({ Key: v.string(), Size: v.optional(v.string()), ETag: v.optional(v.string()) })),
      [],
    ),
  }),
});

/** Limits on objects per list and on pages without a new object: a server beyond them never stops. */
const mostObjects = 10 ** 7;
const mostEmptyPages = 1_000;
const mostHubPages = 100_000;

async function listBucket(
  client: RemoteClient,
  folder: string,
  { credentials }: Pick<ResolvedStorageOptions, 'credentials'>,
): Promise<ListedObject[]> {
  const service = new S3Service({ credentials });
  const { bucket, key } = parseS3Url(folder);
  const prefix = key && `${key}/`;
  const found: ListedObject[] = [];
  const tokens = new Set<string>();
  for (let token: string | undefined = '', empty = 0; token !== undefined; ) {
    const address = service.address({ bucket, key: '' });
    const query = { 'list-type': '2', 'encoding-type': 'url', prefix };
    for (const [name, value] of Object.entries({ ...query, 'continuation-token': token }))
      if (value) address.searchParams.set(name, value);
    const location = service.locationOf(address, folder);
    const page = v.safeParse(pageSchema, parseXml(await textOf(client, location)));
    if (!page.success) throw notAList(folder);
    const { Contents, IsTruncated, NextContinuationToken, EncodingType } = page.output.ListBucketResult;
    // A store that ignores encoding-type sends keys unencoded.
    const nameOf = EncodingType === 'url' ? decodedKey : (key: string) => key;
    for (const { Key, Size, ETag } of Contents) {
      const name = nameOf(Key);
      // Some tools mark folders by empty objects; a store that ignores prefixes lists everything.
      if (!name.endsWith('/') && name.startsWith(prefix))
        found.push({ name: `s3://${bucket}/${name}`, version: versionOf(Size, ETag) });
    }
    if (IsTruncated !== 'true') return found;
    token = NextContinuationToken;
    if (!token) throw notAList(folder);
    empty = Contents.length === 0 ? empty + 1 : 0;
    if (tokens.has(token) || empty > mostEmptyPages || found.length > mostObjects) throw endless(folder);
    tokens.add(token);
  }
  return found;
}

/** What a listing says about an object; `undefined` if it leaves out the size or the tag. */
function versionOf(size: string | undefined, tag: string | undefined): KnownVersion | undefined {
  if (size === undefined || !/^\d+$/.test(size) || !tag) return undefined;
  // Some stores list tags without their quotes.
  return { byteLength: Number(size), etag: /^"|^W\//.test(tag) ? tag : `"${tag}"` };
}

/** `encoding-type=url` writes a space as `+`. */
function decodedKey(key: string): string {
  return decoded(key.replaceAll('+', ' '), decodeURIComponent);
}

const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  // Characters that XML encodes as numbers, which keys may contain.
  htmlEntities: true,
  isArray: (name) => name === 'Contents',
});

/** @returns `undefined` if the text is not XML. A document type is refused: its entities could expand without bound. */
function parseXml(text: string): unknown {
  if (/<!DOCTYPE/i.test(text)) return undefined;
  try {
    return parser.parse(text);
  } catch {
    return undefined;
  }
}

const treeSchema = v.array(
  v.object({
    type: v.string(),
    path: v.string(),
    size: v.optional(v.number()),
    oid: v.optional(v.string()),
    lfs: v.optional(v.nullable(v.object({ oid: v.string() }))),
  }),
);

async function listRepository(
  client: RemoteClient,
  folder: string,
  options: HubOptions,
): Promise<ListedObject[]> {
  const place = parseHubUrl(`${folder}/`);
  const inner = place.path.replace(/\/+$/, '');
  const prefix = folder.slice(0, folder.length - inner.length).replace(/\/?$/, '/');
  const found = await listHubFiles(client, { ...place, path: inner }, options);
  // A branch may move between the listing and the first request, so sizes are not taken from here.
  return found.map(({ path }) => ({ name: `${prefix}${path.replaceAll('%', '%25')}` }));
}

/** A file of a repository. */
export interface HubFileEntry {
  readonly path: string;
  /** What the listing of a commit says about the file. */
  readonly version: KnownVersion | undefined;
}

/** The files below a folder of a repository, page by page. */
export async function listHubFiles(
  client: RemoteClient,
  { kind, repository, revision, path: folder }: HubFile,
  options: HubOptions,
): Promise<HubFileEntry[]> {
  const inner = folder.split('/').map(encodeURIComponent).join('/');
  const shown = `hf://${kind === 'models' ? '' : `${kind}/`}${repository}@${revision}/${folder}`;
  const root = `${hubEndpoint()}/api/${kind}/${repository}/tree/${encodeURIComponent(revision)}`;
  const found: HubFileEntry[] = [];
  const pages = new Set<string>();
  for (let page: string | undefined = `${root}${inner && `/${inner}`}?recursive=true`; page; ) {
    pages.add(page);
    const location = hubLocationOf(page, shown, options);
    let next: string | undefined;
    const text = await textOf(client, location, (headers) => {
      next = /<([^>]+)>;\s*rel="?next"?/.exec(headers.get('link') ?? '')?.[1];
    });
    const entries = v.safeParse(treeSchema, parseJson(text));
    if (!entries.success) throw notAList(shown);
    for (const { type, path, size, oid, lfs } of entries.output)
      if (type === 'file')
        found.push({
          path,
          version: size && oid ? { byteLength: size, content: lfs?.oid ?? oid } : undefined,
        });
    page = next && parseUrl(next, 'The address of the next page', page).href;
    if (page && (pages.has(page) || pages.size > mostHubPages || found.length > mostObjects))
      throw endless(shown);
  }
  return found;
}

function textOf(
  client: RemoteClient,
  location: RemoteLocation,
  look?: (headers: Headers) => void,
): Promise<string> {
  return client.get(location, {}, (answer) => {
    look?.(answer.headers);
    return readText(location, answer);
  });
}

/** Parses JSON; `undefined` if the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notAList(folder: string): StorageError {
  return new StorageError('The server answered with something that is not a list of files', {
    where: { url: folder },
    next: 'Check the URL and the endpoint (AWS_ENDPOINT_URL, HF_ENDPOINT).',
  });
}

function endless(folder: string): StorageError {
  return new StorageError('The server lists the same or ever more pages', {
    where: { url: folder },
    next: 'Check the endpoint (AWS_ENDPOINT_URL, HF_ENDPOINT), or name files by {000..099} instead of a folder.',
  });
}
