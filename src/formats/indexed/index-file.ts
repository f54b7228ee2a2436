import type { DType } from '../../core/dtype.js';
import type { DTypeTable } from './indexed-dataset-dtypes.js';

/** An `.idx` file in memory, and facts about its `.bin` file. */
export interface IndexFile {
  readonly bytes: Uint8Array;
  /** Path of the `.idx` file, for messages. */
  readonly file: string;
  readonly dataFile: string;
  /** Length of the `.bin` file. */
  readonly dataBytes: number;
  readonly dtypeTable: DTypeTable | 'auto';
}

/** The content of an `.idx` file with n items. */
export interface ItemIndex {
  readonly dtype: DType;
  /** Whether the type code also stands for another dtype of the same width: see `checkGuess`. */
  readonly isGuess: boolean;
  /** Shape `[n]`: elements of each item. */
  readonly sizes: Int32Array;
  /** Shape `[n]`: byte offset of each item. */
  readonly pointers: Float64Array;
  /** Item numbers at which documents start and end. */
  readonly documentIndex: Float64Array;
  /** Shape of each item, in the older format, which stores them. */
  readonly shapes?: readonly (readonly number[])[];
  /** Mode of each item, in Megatron-LM's multimodal datasets. */
  readonly modes?: Int8Array;
}
