import type { ByteSource } from '../byte-source.js';
import { FileSource } from '../file-source.js';
import { isMissing } from '../is-missing.js';
import { listRemote } from '../list-remote.js';
import type { ObjectStore } from '../object-store.js';
import type { ObjectStoreOptions } from '../open-object-store.js';
import { RemoteClient, readText } from '../remote-client.js';
import { RemoteSource } from '../remote-source.js';
import { type StorageOptions, storageOptions } from '../storage-options.js';
import type { CloudService, CloudWrite } from './cloud-service.js';

/** Sizes of upload parts, except the last: S3 accepts 5 MiB to 5 GiB, and at most 10,000 parts; Azure 50,000 of 4,000 MiB. */
const usualPartBytes = 64 * 2 ** 20;
const mostParts = 10_000;

/** Objects of a cloud below a prefix. A large file is uploaded in parts and becomes an object when all have arrived. */
export abstract class CloudStore implements ObjectStore {
  readonly name: string;
  readonly folder = undefined;
  readonly #service: CloudService;
  readonly #options: StorageOptions;
  readonly #client: RemoteClient;
  readonly #partBytes: number;

  /** @throws {@link StorageError} if the URL names no bucket. */
  constructor(
    url: string,
    service: CloudService,
    { partBytes = usualPartBytes, ...options }: ObjectStoreOptions,
  ) {
    this.name = url.replace(/\/+$/, '');
    service.parse(this.name);
    this.#service = service;
    this.#options = options;
    this.#client = new RemoteClient(storageOptions(options));
    this.#partBytes = partBytes;
  }

  abstract put(name: string, bytes: Uint8Array): Promise<void>;

  /** Uploads the parts of a large file, then joins them. */
  protected abstract upload(name: string, parts: AsyncIterable<Uint8Array>): Promise<void>;

  async putFile(name: string, path: string): Promise<void> {
    const source = new FileSource(path, { memoryMap: false });
    try {
      if (source.byteLength <= this.#partBytes) await this.put(name, await source.read(0, source.byteLength));
      else await this.upload(name, this.#partsOf(source));
    } finally {
      source.close();
    }
  }

  async open(name: string): Promise<ByteSource | undefined> {
    try {
      return await RemoteSource.open(this.urlOf(name), this.#options);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    const folder = name.endsWith('/') && this.urlOf(name.slice(0, -1));
    const names = folder
      ? (await listRemote(folder, this.#options)).map(({ name: url }) => url.slice(this.name.length + 1))
      : [name];
    for (const each of names) await this.#delete(each);
  }

  /** @param query - Names the part of the object to write, in the terms of the service. */
  protected write(
    name: string,
    query: string,
    write: CloudWrite,
  ): Promise<{ readonly text: string; readonly tag: string }> {
    const url = this.urlOf(name);
    const address = this.#service.address(this.#service.parse(url));
    address.search = query;
    const location = this.#service.locationOf(address, url, write);
    return this.#client.get(location, {}, async (answer) => ({
      text: await readText(location, answer),
      tag: answer.headers.get('etag') ?? '',
    }));
  }

  protected urlOf(name: string): string {
    return `${this.name}/${name}`;
  }

  /** Yields the parts of a file; larger ones if there would be too many. */
  async *#partsOf(source: ByteSource): AsyncGenerator<Uint8Array> {
    const size = Math.max(this.#partBytes, Math.ceil(source.byteLength / mostParts));
    for (let start = 0; start < source.byteLength; start += size)
      yield await source.read(start, Math.min(start + size, source.byteLength));
  }

  /** Deletes an object. S3 accepts a missing one; other services do not. */
  async #delete(name: string): Promise<void> {
    try {
      await this.write(name, '', { method: 'DELETE' });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

/** The bytes in memory that a request may hold. */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
}
