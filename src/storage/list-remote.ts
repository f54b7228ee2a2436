import { XMLParser } from 'fast-xml-parser';
import * as v from 'valibot';
import { StorageError } from '../core/errors.js';
import { hubEndpoint, hubHeaders, parseHubUrl } from './hugging-face-location.js';
import { RemoteClient } from './remote-client.js';
import { httpLocation, type RemoteLocation } from './remote-location.js';
import { parseS3Url, S3Service } from './s3-location.js';
import { type StorageOptions, storageOptions } from './storage-options.js';
import { schemeOf } from './url-scheme.js';

/** URLs of all objects below a folder of S3 or of the Hub, page by page. */
export function listRemote(folder: string, options: StorageOptions): Promise<string[]> {
  const client = new RemoteClient(storageOptions(options));
  return schemeOf(folder) === 's3' ? listBucket(client, folder) : listRepository(client, folder);
}

const pageSchema = v.object({
  ListBucketResult: v.object({
    IsTruncated: v.optional(v.string()),
    NextContinuationToken: v.optional(v.string()),
    Contents: v.optional(v.array(v.object({ Key: v.string() })), []),
  }),
});

async function listBucket(client: RemoteClient, folder: string): Promise<string[]> {
  const service = new S3Service();
  const { bucket, key } = parseS3Url(folder);
  const parser = new XMLParser({
    parseTagValue: false,
    trimValues: false,
    isArray: (name) => name === 'Contents',
  });
  const found: string[] = [];
  for (let token: string | undefined = ''; token !== undefined; ) {
    const address = service.address({ bucket, key: '' });
    const query = { 'list-type': '2', 'encoding-type': 'url', prefix: key && `${key}/` };
    for (const [name, value] of Object.entries({ ...query, 'continuation-token': token }))
      if (value) address.searchParams.set(name, value);
    const location: RemoteLocation = {
      ...service.location(folder),
      request: (headers) => service.request(address, headers),
    };
    const page = v.safeParse(pageSchema, parser.parse(await textOf(client, location)));
    if (!page.success) throw notAList(folder);
    const { Contents, IsTruncated, NextContinuationToken } = page.output.ListBucketResult;
    for (const { Key } of Contents) {
      const name = decodeURIComponent(Key.replaceAll('+', ' '));
      // Some tools mark folders by empty objects.
      if (!name.endsWith('/')) found.push(`s3://${bucket}/${name}`);
    }
    token = IsTruncated === 'true' ? NextContinuationToken : undefined;
    if (IsTruncated === 'true' && !token) throw notAList(folder);
  }
  return found;
}

const treeSchema = v.array(v.object({ type: v.string(), path: v.string() }));

async function listRepository(client: RemoteClient, folder: string): Promise<string[]> {
  const { kind, repository, revision, path } = parseHubUrl(`${folder}/`);
  const inner = path.replace(/\/+$/, '').split('/').map(encodeURIComponent).join('/');
  const root = `${hubEndpoint()}/api/${kind}/${repository}/tree/${encodeURIComponent(revision)}`;
  const prefix = folder.slice(0, folder.length - path.replace(/\/+$/, '').length).replace(/\/?$/, '/');
  const found: string[] = [];
  for (let page: string | undefined = `${root}${inner && `/${inner}`}?recursive=true`; page; ) {
    const location = { ...httpLocation(new URL(page), hubHeaders()), name: folder };
    let next: string | undefined;
    const text = await textOf(client, location, (headers) => {
      next = /<([^>]+)>;\s*rel="?next"?/.exec(headers.get('link') ?? '')?.[1];
    });
    const entries = v.safeParse(treeSchema, parseJson(text));
    if (!entries.success) throw notAList(folder);
    for (const { type, path: name } of entries.output) if (type === 'file') found.push(`${prefix}${name}`);
    page = next && new URL(next, page).href;
  }
  return found;
}

function textOf(
  client: RemoteClient,
  location: RemoteLocation,
  look?: (headers: Headers) => void,
): Promise<string> {
  return client.get(location, {}, async ({ headers, body }) => {
    look?.(headers);
    let text = '';
    const decoder = new TextDecoder();
    for await (const piece of body) text += decoder.decode(piece, { stream: true });
    return text;
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
