import { XMLParser } from 'fast-xml-parser';
import { StorageError } from '../../core/errors.js';
import { CloudStore, owned } from './cloud-store.js';

const parser = new XMLParser({ parseTagValue: false });

/** A store in S3 or Google Cloud Storage, which upload in the same way. */
export class BucketStore extends CloudStore {
  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.write(name, '', { method: 'PUT', body: owned(bytes) });
  }

  protected async upload(name: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const { InitiateMultipartUploadResult: begun } = parser.parse(
      (await this.write(name, 'uploads', { method: 'POST' })).text,
    ) as { InitiateMultipartUploadResult?: { UploadId?: string } };
    const upload = encodeURIComponent(begun?.UploadId ?? '');
    const tags: string[] = [];
    try {
      for await (const part of parts) {
        const query = `partNumber=${tags.length + 1}&uploadId=${upload}`;
        tags.push((await this.write(name, query, { method: 'PUT', body: owned(part) })).tag);
      }
    } catch (error) {
      await this.write(name, `uploadId=${upload}`, { method: 'DELETE' });
      throw error;
    }
    const list = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
    const body = new TextEncoder().encode(
      `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`,
    );
    const { text } = await this.write(name, `uploadId=${upload}`, { method: 'POST', body });
    // An upload may fail after a response that began with status 200.
    if (!text.includes('<Error>')) return;
    throw new StorageError(`The upload failed at its end: ${/<Message>(.*?)<\/Message>/.exec(text)?.[1]}`, {
      where: { url: this.urlOf(name) },
      next: 'Run it again; finished parts are kept.',
    });
  }
}
