import { Header, Pax } from 'tar';
import type { PartReceipt } from '../parts/part-receipt.js';
import type { OnPartProgress } from '../parts/progress-count.js';
import type { FileWriter } from '../storage/file-writer.js';
import { openSource } from '../storage/open-source.js';
import type { StorageOptions } from '../storage/storage-options.js';
import type { Part, PartWriter, TarEntry } from './part.js';
import { writePartFile } from './write-part-file.js';

const blockBytes = 512;
/** Number of files read ahead, so that remote ones are read concurrently. */
const together = 16;

/** Packs files into tar shards. Owner, date and permissions are constant, so that equal files give equal shards. */
export class TarParts implements PartWriter {
  readonly #storage: StorageOptions;

  constructor(storage: StorageOptions) {
    this.#storage = storage;
  }

  write(part: Part, folder: string, onProgress: OnPartProgress): Promise<PartReceipt> {
    const { start, end, entries = [] } = part;
    return writePartFile(part, folder, 'tar', async (file) => {
      for (let from = 0; from < entries.length; from += together) {
        const some = entries.slice(from, from + together);
        const reading = some.map((entry) => this.#read(entry));
        await Promise.allSettled(reading);
        for (const [k, { name }] of some.entries()) append(file, name, await reading[k]!);
        onProgress({ samples: (some.length / entries.length) * (end - start) });
      }
      file.append(new Uint8Array(2 * blockBytes));
    });
  }

  close(): void {}

  async #read({ content }: TarEntry): Promise<Uint8Array> {
    if ('text' in content) return new TextEncoder().encode(content.text);
    const source = await openSource(content.file, this.#storage);
    try {
      return await source.read(0, source.byteLength);
    } finally {
      source.close();
    }
  }
}

function append(file: FileWriter, path: string, bytes: Uint8Array): void {
  const data = { path, mode: 0o644, size: bytes.length, mtime: new Date(0), type: 'File' } as const;
  const header = new Header(data);
  // A name too long for the header precedes it.
  if (header.encode()) file.append(new Pax({ path, size: bytes.length }).encode());
  file.append(header.block!);
  file.append(bytes);
  file.append(new Uint8Array((blockBytes - (bytes.length % blockBytes)) % blockBytes));
}
