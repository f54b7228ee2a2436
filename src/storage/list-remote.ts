import { AzureService } from './clouds/azure-service.js';
import { cloudOf } from './clouds/cloud-of.js';
import { listBucket } from './clouds/list-bucket.js';
import { listContainer } from './clouds/list-container.js';
import { listRepository } from './list-hub.js';
import type { ListedObject } from './listed-object.js';
import { RemoteClient } from './remote-client.js';
import { type StorageOptions, storageOptions } from './storage-options.js';
import { schemeOf } from './url-scheme.js';

/** Lists all objects below a folder of a cloud or of the Hub, page by page. */
export function listRemote(folder: string, options: StorageOptions): Promise<ListedObject[]> {
  const resolved = storageOptions(options);
  const client = new RemoteClient(resolved);
  const cloud = cloudOf(schemeOf(folder), resolved);
  if (!cloud) return listRepository(client, folder, resolved);
  return cloud instanceof AzureService
    ? listContainer(client, cloud, folder)
    : listBucket(client, cloud, folder);
}
