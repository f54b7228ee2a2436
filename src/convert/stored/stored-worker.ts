import { threadProgram } from '../../core/thread-program.js';
import type { PartReceipt } from '../../parts/part-receipt.js';
import type { PartThread } from '../../parts/part-thread.js';
import type { OnPartProgress } from '../../parts/progress-count.js';
import { conversionThread } from '../conversion-thread.js';
import type { Part } from '../part.js';
import type { PartWriterSetup } from '../part-writer-setup.js';
import type { StoredConversion } from './stored-parts.js';

/** Start data of a thread. */
export interface StoredThreadSetup {
  readonly writer: PartWriterSetup;
  readonly conversion: StoredConversion;
}

/** A part to make; `publish` joins all parts. */
export type StoredRequest = { readonly part: Part } | 'publish';

/** Makes parts of a stored conversion in a thread, and joins them. */
export class StoredWorker {
  readonly #thread: PartThread<StoredRequest, PartReceipt | undefined>;

  constructor(setup: StoredThreadSetup, id: number) {
    this.#thread = conversionThread(setup, id, threadProgram('convert/stored/entry.js'));
  }

  /** Whether the thread has ended by itself. */
  get hasFailed(): boolean {
    return this.#thread.hasFailed;
  }

  async make(part: Part, onProgress: OnPartProgress): Promise<void> {
    await this.#thread.request({ part }, onProgress);
  }

  async publish(onProgress: OnPartProgress): Promise<void> {
    await this.#thread.request('publish', onProgress);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
