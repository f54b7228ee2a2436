import { XMLParser } from 'fast-xml-parser';
import { StorageError } from '../core/errors.js';
import type { ByteSource } from './byte-source.js';
import { FileSource } from './file-source.js';
import { isMissing } from './is-missing.js';
import { listRemote } from './list-remote.js';
import type { ObjectStore } from './object-store.js';
import type { ObjectStoreOptions } from './open-object-store.js';
import { RemoteClient, readText } from './remote-client.js';
import { RemoteSource } from './remote-source.js';
import { parseS3Url, S3Service, type S3Write } from './s3-location.js';
import { storageOptions } from './storage-options.js';

/** Sizes of upload parts, except the last: S3 accepts 5 MiB to 5 GiB, and at most 10,000 parts. */
const usualPartBytes = 64 * 2 ** 20;
const mostParts = 10_000;

/** Objects of a bucket below a prefix. A large file is uploaded in parts and becomes an object when all have arrived. */
export class S3Store implements ObjectStore {
  readonly name: string;
  readonly folder = undefined;
  readonly #service = new S3Service();
  readonly #client = new RemoteClient(storageOptions({}));

  readonly #partBytes: number;

  /** @throws {@link StorageError} if the URL names no bucket. */
  constructor(url: string, { partBytes = usualPartBytes }: ObjectStoreOptions = {}) {
    this.#partBytes = partBytes;
    this.name = url.replace(/\/+$/, '');
    parseS3Url(this.name);
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.#write(name, '', { method: 'PUT', body: owned(bytes) });
  }

  async putFile(name: string, path: string): Promise<void> {
    const source = new FileSource(path, { memoryMap: false });
    try {
      if (source.byteLength <= this.#partBytes) await this.put(name, await source.read(0, source.byteLength));
      else await this.#upload(name, source);
    } finally {
      source.close();
    }
  }

  async open(name: string): Promise<ByteSource | undefined> {
    try {
      return await RemoteSource.open(this.#url(name), {});
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async remove(name: string): Promise<void> {
    const folder = name.endsWith('/') && this.#url(name.slice(0, -1));
    const names = folder
      ? (await listRemote(folder, {})).map(({ name: url }) => url.slice(this.name.length + 1))
      : [name];
    for (const each of names) await this.#write(each, '', { method: 'DELETE' });
  }

  /** Larger parts if there would be too many. */
  async #upload(name: string, source: ByteSource): Promise<void> {
    const size = Math.max(this.#partBytes, Math.ceil(source.byteLength / mostParts));
    const { InitiateMultipartUploadResult: begun } = new XMLParser({ parseTagValue: false }).parse(
      (await this.#write(name, 'uploads', { method: 'POST' })).text,
    ) as { InitiateMultipartUploadResult?: { UploadId?: string } };
    const upload = encodeURIComponent(begun?.UploadId ?? '');
    const tags: string[] = [];
    try {
      for (let start = 0; start < source.byteLength; start += size) {
        const body = owned(await source.read(start, Math.min(start + size, source.byteLength)));
        const query = `partNumber=${tags.length + 1}&uploadId=${upload}`;
        tags.push((await this.#write(name, query, { method: 'PUT', body })).tag);
      }
    } catch (error) {
      await this.#write(name, `uploadId=${upload}`, { method: 'DELETE' });
      throw error;
    }
    const parts = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
    const body = new TextEncoder().encode(
      `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`,
    );
    const { text } = await this.#write(name, `uploadId=${upload}`, { method: 'POST', body });
    // An upload may fail after a response that began with status 200.
    if (!text.includes('<Error>')) return;
    throw new StorageError(`The upload failed at its end: ${/<Message>(.*?)<\/Message>/.exec(text)?.[1]}`, {
      where: { url: this.#url(name) },
      next: 'Run it again; what is there already is kept.',
    });
  }

  #write(
    name: string,
    query: string,
    write: S3Write,
  ): Promise<{ readonly text: string; readonly tag: string }> {
    const url = this.#url(name);
    const address = this.#service.address(parseS3Url(url));
    address.search = query;
    const location = {
      ...this.#service.location(url),
      verb: 'write' as const,
      request: (headers: Readonly<Record<string, string>>) =>
        this.#service.request(address, headers, undefined, write),
      accessAdvice: 'Check that these credentials may write to the bucket (s3:PutObject), and AWS_REGION.',
    };
    return this.#client.get(location, {}, async (answer) => ({
      text: await readText(location, answer),
      tag: answer.headers.get('etag') ?? '',
    }));
  }

  #url(name: string): string {
    return `${this.name}/${name}`;
  }
}

/** Most memory that a request may hold. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
}
