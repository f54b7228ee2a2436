import * as v from 'valibot';
import { allPages, listedVersion, notAList, textOf, xmlParser } from '../list-pages.js';
import type { ListedObject } from '../listed-object.js';
import type { RemoteClient } from '../remote-client.js';
import { decoded } from '../remote-location.js';
import type { AzureService } from './azure-service.js';

/** Text, which has attributes where a name is encoded. */
const nameSchema = v.union([
  v.string(),
  v.object({ '#text': v.string(), '@_Encoded': v.optional(v.string()) }),
]);

const pageSchema = v.object({
  EnumerationResults: v.object({
    Blobs: v.union([
      v.object({
        Blob: v.optional(
          v.array(
            v.object({
              Name: nameSchema,
              Properties: v.object({
                'Content-Length': v.optional(v.string()),
                Etag: v.optional(v.string()),
                ResourceType: v.optional(v.string()),
              }),
            }),
          ),
          [],
        ),
      }),
      // An empty element.
      v.pipe(
        v.string(),
        v.transform(() => ({ Blob: [] })),
      ),
    ]),
    NextMarker: v.optional(v.string()),
  }),
});

const parseXml = xmlParser(['Blob']);

/** The blobs below a folder of a container of Azure. */
export function listContainer(
  client: RemoteClient,
  service: AzureService,
  folder: string,
): Promise<ListedObject[]> {
  const { bucket, key } = service.parse(folder);
  const prefix = key && `${key}/`;
  return allPages(folder, async (marker) => {
    const address = service.address({ bucket, key: '' });
    const query = { restype: 'container', comp: 'list', prefix, marker };
    for (const [name, value] of Object.entries(query)) if (value) address.searchParams.set(name, value);
    const page = v.safeParse(pageSchema, parseXml(await textOf(client, service.locationOf(address, folder))));
    if (!page.success) throw notAList(folder);
    const { Blobs, NextMarker } = page.output.EnumerationResults;
    const found: ListedObject[] = [];
    for (const { Name, Properties } of Blobs.Blob) {
      const name =
        typeof Name === 'string'
          ? Name
          : Name['@_Encoded'] === 'true'
            ? decoded(Name['#text'], decodeURIComponent)
            : Name['#text'];
      // An account with a hierarchical namespace lists folders, too.
      const isFolder = Properties.ResourceType === 'directory' || name.endsWith('/');
      if (isFolder || !name.startsWith(prefix)) continue;
      const version = listedVersion(Properties['Content-Length'], Properties.Etag);
      found.push({ name: `az://${bucket}/${name}`, version });
    }
    return { found, next: NextMarker };
  });
}
