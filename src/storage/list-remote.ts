import { XMLParser } from 'fast-xml-parser';
import * as v from 'valibot';
import { StorageError } from '../core/errors.js';
import { shownLocation } from '../core/shown-location.js';
import { hubEndpoint, hubHeaders, parseHubUrl } from './hugging-face-location.js';
import { RemoteClient, readText } from './remote-client.js';
import { decoded, httpLocation, parseUrl, type RemoteLocation } from './remote-location.js';
import { parseS3Url, S3Service } from './s3-location.js';
import { type StorageOptions, storageOptions } from './storage-options.js';
import { schemeOf } from './url-scheme.js';

/** Lists the URLs of all objects below a folder of S3 or of the Hub, page by page. */
export function listRemote(folder: string, options: StorageOptions): Promise<string[]> {
  const client = new RemoteClient(storageOptions(options));
  return schemeOf(folder) === 's3' ? listBucket(client, folder) : listRepository(client, folder);
}

const pageSchema = v.object({
  ListBucketResult: v.object({
    EncodingType: v.optional(v.string()),
    IsTruncated: v.optional(v.string()),
    NextContinuationToken: v.optional(v.string()),
    Contents: v.optional(v.array(v.object({ Key: v.string() })), []),
  }),
});

/** Limits on objects per list and on pages without a new object: a server beyond them never stops. */
const mostObjects = 10 ** 7;
const mostEmptyPages = 1_000;
const mostHubPages = 100_000;

async function listBucket(client: RemoteClient, folder: string): Promise<string[]> {
  const service = new S3Service();
  const { bucket, key } = parseS3Url(folder);
  const prefix = key && `${key}/`;
  const found: string[] = [];
  const tokens = new Set<string>();
  for (let token: string | undefined = '', empty = 0; token !== undefined; ) {
    const address = service.address({ bucket, key: '' });
    const query = { 'list-type': '2', 'encoding-type': 'url', prefix };
    for (const [name, value] of Object.entries({ ...query, 'continuation-token': token }))
      if (value) address.searchParams.set(name, value);
    const location: RemoteLocation = {
      ...service.location(folder),
      request: (headers) => service.request(address, headers),
    };
    const page = v.safeParse(pageSchema, parseXml(await textOf(client, location)));
    if (!page.success) throw notAList(folder);
    const { Contents, IsTruncated, NextContinuationToken, EncodingType } = page.output.ListBucketResult;
    // A store that ignores encoding-type sends keys unencoded.
    const nameOf = EncodingType === 'url' ? decodedKey : (key: string) => key;
    for (const { Key } of Contents) {
      const name = nameOf(Key);
      // Some tools mark folders by empty objects; a store that ignores prefixes lists everything.
      if (!name.endsWith('/') && name.startsWith(prefix)) found.push(`s3://${bucket}/${name}`);
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

const treeSchema = v.array(v.object({ type: v.string(), path: v.string() }));

async function listRepository(client: RemoteClient, folder: string): Promise<string[]> {
  const { kind, repository, revision, path } = parseHubUrl(`${folder}/`);
  const inner = path.replace(/\/+$/, '').split('/').map(encodeURIComponent).join('/');
  const root = `${hubEndpoint()}/api/${kind}/${repository}/tree/${encodeURIComponent(revision)}`;
  const prefix = folder.slice(0, folder.length - path.replace(/\/+$/, '').length).replace(/\/?$/, '/');
  const found: string[] = [];
  const pages = new Set<string>();
  for (let page: string | undefined = `${root}${inner && `/${inner}`}?recursive=true`; page; ) {
    pages.add(page);
    const url = parseUrl(page, 'The address of the Hub (HF_ENDPOINT)');
    // The token is sent to the Hub only, wherever the next page is said to be.
    const headers = url.origin === new URL(root).origin ? hubHeaders() : {};
    const location = { ...httpLocation(url, headers), name: shownLocation(folder) };
    let next: string | undefined;
    const text = await textOf(client, location, (headers) => {
      next = /<([^>]+)>;\s*rel="?next"?/.exec(headers.get('link') ?? '')?.[1];
    });
    const entries = v.safeParse(treeSchema, parseJson(text));
    if (!entries.success) throw notAList(folder);
    for (const { type, path: name } of entries.output)
      if (type === 'file') found.push(`${prefix}${name.replaceAll('%', '%25')}`);
    page = next && parseUrl(next, 'The address of the next page', page).href;
    if (page && (pages.has(page) || pages.size > mostHubPages || found.length > mostObjects))
      throw endless(folder);
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

function parseJson(text: string): unknown {
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
