import type { ErrorRecord } from '../../core/error-record.js';
import type { Part, PartReceipt } from '../part.js';
import type { PartWriterSetup } from '../part-writer-setup.js';

/** What a conversion thread starts with. */
export interface ConvertThreadSetup {
  readonly writer: PartWriterSetup;
  /** The folder that parts are written to. */
  readonly folder: string;
}

/** Main thread → conversion thread: a part to write, one at a time. */
export type ToConvertWorker = Part;

/** Conversion thread → main thread. */
export type FromConvertWorker =
  | { readonly type: 'done'; readonly samples: number; readonly tokens: number }
  | { readonly type: 'written'; readonly receipt: PartReceipt }
  | { readonly type: 'error'; readonly error: ErrorRecord };
