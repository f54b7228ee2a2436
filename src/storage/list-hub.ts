import * as v from 'valibot';
import {
  type HubFile,
  type HubOptions,
  hubEndpoint,
  hubLocationOf,
  parseHubUrl,
} from './hugging-face-location.js';
import { endlessList, mostObjects, notAList, textOf } from './list-pages.js';
import type { KnownVersion, ListedObject } from './listed-object.js';
import type { RemoteClient } from './remote-client.js';
import { parseUrl } from './remote-location.js';

const mostPages = 100_000;

const treeSchema = v.array(
  v.object({
    type: v.string(),
    path: v.string(),
    size: v.optional(v.number()),
    oid: v.optional(v.string()),
    lfs: v.optional(v.nullable(v.object({ oid: v.string() }))),
  }),
);

/** The files below a folder of a repository, as URLs. */
export async function listRepository(
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
    if (page && (pages.has(page) || pages.size > mostPages || found.length > mostObjects))
      throw endlessList(shown);
  }
  return found;
}

/** Parses JSON; `undefined` if the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
