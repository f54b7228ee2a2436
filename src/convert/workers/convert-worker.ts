import { threadProgram } from '../../core/thread-program.js';
import type { PartReceipt } from '../../parts/part-receipt.js';
import type { PartThread } from '../../parts/part-thread.js';
import type { OnPartProgress } from '../../parts/progress-count.js';
import { conversionThread } from '../conversion-thread.js';
import type { Part, PartWriter } from '../part.js';
import type { PartWriterSetup } from '../part-writer-setup.js';

/** Start data of a conversion thread. */
export interface ConvertThreadSetup {
  readonly writer: PartWriterSetup;
  /** The folder into which parts are written. */
  readonly folder: string;
}

/** Writes parts in a thread, one at a time. */
export class ConvertWorker implements PartWriter {
  readonly #thread: PartThread<Part, PartReceipt>;

  constructor(setup: ConvertThreadSetup, id: number) {
    this.#thread = conversionThread(setup, id, threadProgram('convert/workers/entry.js'));
  }

  write(part: Part, _folder: string, onProgress: OnPartProgress): Promise<PartReceipt> {
    return this.#thread.request(part, onProgress);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
