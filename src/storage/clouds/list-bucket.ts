import * as v from 'valibot';
import { allPages, listedVersion, notAList, textOf, xmlParser } from '../list-pages.js';
import type { ListedObject } from '../listed-object.js';
import type { RemoteClient } from '../remote-client.js';
import { decoded } from '../remote-location.js';
import { schemeOf } from '../url-scheme.js';
import type { CloudService } from './cloud-service.js';

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

const parseXml = xmlParser(['Contents']);

/** The objects below a folder of a bucket, by version 2 of the list of S3, which Google Cloud Storage has, too. */
export function listBucket(
  client: RemoteClient,
  service: CloudService,
  folder: string,
): Promise<ListedObject[]> {
  const { bucket, key } = service.parse(folder);
  const prefix = key && `${key}/`;
  return allPages(folder, async (token) => {
    const address = service.address({ bucket, key: '' });
    const query = { 'list-type': '2', 'encoding-type': 'url', prefix };
    for (const [name, value] of Object.entries({ ...query, 'continuation-token': token }))
      if (value) address.searchParams.set(name, value);
    const page = v.safeParse(pageSchema, parseXml(await textOf(client, service.locationOf(address, folder))));
    if (!page.success) throw notAList(folder);
    const { Contents, IsTruncated, NextContinuationToken, EncodingType } = page.output.ListBucketResult;
    // A store that ignores encoding-type sends keys unencoded.
    const nameOf = EncodingType === 'url' ? decodedKey : (text: string) => text;
    const found: ListedObject[] = [];
    for (const { Key, Size, ETag } of Contents) {
      const name = nameOf(Key);
      // Some tools mark folders by empty objects; a store that ignores prefixes lists everything.
      if (!name.endsWith('/') && name.startsWith(prefix))
        found.push({ name: `${schemeOf(folder)}://${bucket}/${name}`, version: listedVersion(Size, ETag) });
    }
    if (IsTruncated !== 'true') return { found, next: undefined };
    if (!NextContinuationToken) throw notAList(folder);
    return { found, next: NextContinuationToken };
  });
}

/** `encoding-type=url` writes a space as `+`. */
function decodedKey(key: string): string {
  return decoded(key.replaceAll('+', ' '), decodeURIComponent);
}
