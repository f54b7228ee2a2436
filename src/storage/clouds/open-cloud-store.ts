import type { ObjectStore } from '../object-store.js';
import type { ObjectStoreOptions } from '../open-object-store.js';
import { schemeOf } from '../url-scheme.js';
import { AzureService } from './azure-service.js';
import { AzureStore } from './azure-store.js';
import { BucketStore } from './bucket-store.js';
import { cloudOf } from './cloud-of.js';

/** The store of a cloud's URL; `undefined` for other schemes. */
export function openCloudStore(url: string, options: ObjectStoreOptions): ObjectStore | undefined {
  const service = cloudOf(schemeOf(url), options);
  if (!service) return undefined;
  const Store = service instanceof AzureService ? AzureStore : BucketStore;
  return new Store(url, service, options);
}
