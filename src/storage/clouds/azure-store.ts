import { CloudStore, owned } from './cloud-store.js';

/** A store in Azure. The blocks of an upload that ends early disappear after a week. */
export class AzureStore extends CloudStore {
  async put(name: string, bytes: Uint8Array): Promise<void> {
    const headers = { 'x-ms-blob-type': 'BlockBlob' };
    await this.write(name, '', { method: 'PUT', body: owned(bytes), headers });
  }

  protected async upload(name: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const blocks: string[] = [];
    // Writers of the same name do not join each other's blocks.
    const writer = crypto.randomUUID();
    for await (const part of parts) {
      const block = btoa(`${writer}-${String(blocks.length).padStart(5, '0')}`);
      blocks.push(block);
      await this.write(name, `comp=block&blockid=${encodeURIComponent(block)}`, {
        method: 'PUT',
        body: owned(part),
      });
    }
    const list = blocks.map((block) => `<Uncommitted>${block}</Uncommitted>`);
    const body = new TextEncoder().encode(
      `<?xml version="1.0" encoding="utf-8"?><BlockList>${list.join('')}</BlockList>`,
    );
    await this.write(name, 'comp=blocklist', { method: 'PUT', body });
  }
}
