import pLimit, { type LimitFunction } from 'p-limit';
import { openSource } from './open-source.js';
import type { StorageOptions } from './storage-options.js';

/** Many small files behind URLs, each read whole. Their requests share the limit of one source. */
export class RemoteFiles {
  readonly options: StorageOptions;
  readonly #limit: LimitFunction;

  /** @param options - `concurrency` applies to all files together. */
  constructor(options: StorageOptions) {
    this.options = options;
    this.#limit = pLimit(options.concurrency ?? 16);
  }

  /** All bytes of a file. @throws {@link StorageError} */
  read(url: string): Promise<Uint8Array> {
    return this.#limit(async () => {
      const source = await openSource(url, this.options);
      try {
        return await source.read(0, source.byteLength);
      } finally {
        source.close();
      }
    });
  }
}
