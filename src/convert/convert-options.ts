import { availableParallelism } from 'node:os';
import * as v from 'valibot';
import { type DType, isDType } from '../core/dtype.js';
import { booleanOption, integerFrom, recordOf } from '../core/options.js';
import type { FormatName } from '../formats/format-table.js';
import { formatNames } from '../formats/format-table.js';
import type { DTypeTable } from '../formats/indexed/indexed-dataset-dtypes.js';
import type { TextUnit } from '../formats/text/text-dataset.js';
import type { StorageOptions } from '../storage/storage-options.js';
import {
  isTokenizerChoice,
  type TokenizerChoice,
  type TokenizerName,
  tokenizerNames,
} from '../tokens/tokenizer.js';
import { type ConversionTarget, conversionTargets } from './manifest.js';
import type { ParquetType } from './parquet-types.js';

/** How far a conversion is. */
export interface ConversionProgress {
  readonly phase: 'converting' | 'merging';
  /** Samples done, those of an earlier run with them. */
  readonly done: number;
  readonly total: number;
  /** Tokens so far, where text becomes tokens. */
  readonly tokens: number;
}

export interface ConvertOptions extends StorageOptions {
  /** A path: the folder of the shards, or the prefix of the `.bin` and `.idx` files. */
  readonly output: string;
  /** What is written: indexed tokens, tar shards of a folder's files, or Parquet shards. @defaultValue `'tokens'` */
  readonly to?: ConversionTarget;
  /** The format of the inputs. @defaultValue told by names, file by file; what is of no known format is text */
  readonly format?: FormatName;
  /** Which columns of the inputs are read. @defaultValue all */
  readonly columns?: readonly string[];
  /** What is one document of a text file: the file, a line, or what stands between separators. @defaultValue `'file'` */
  readonly textUnit?: TextUnit;
  /** To tokens: how text becomes tokens. @defaultValue `'cl100k_base'` */
  readonly tokenizer?: TokenizerChoice;
  /** To tokens: the field of a sample that holds its text. @defaultValue `'text'` */
  readonly field?: string;
  /** To tokens: whether the end-of-text token is put behind each document. @defaultValue `false` */
  readonly appendEndOfText?: boolean;
  /** To tokens: what they are stored as. @defaultValue `'int32'`, and `'uint8'` for the tokenizer `'bytes'` */
  readonly dtype?: DType;
  /** To tokens: whose type codes are written; the two tables agree on `uint8` and `int32`. @defaultValue `'deepspeed'` */
  readonly dtypeTable?: DTypeTable;
  /** To Parquet: what columns hold. @defaultValue found out from the first 1,000 samples */
  readonly types?: Readonly<Record<string, ParquetType>>;
  /**
   * Samples of a shard; to tokens: of the parts that are made side by side, which does not change the result. A kill loses at most
   * the parts under way. @defaultValue 10,000 for tar, 100,000 for Parquet, about 16 MiB of text for tokens
   */
  readonly shardSamples?: number;
  /** Threads; 0 converts on this one. @defaultValue one a core, up to 8; 0 with a tokenizer given as a function */
  readonly numWorkers?: number;
  /** Whether an output or an unfinished conversion that is there already may be replaced. @defaultValue `false` */
  readonly overwrite?: boolean;
  readonly onProgress?: (progress: ConversionProgress) => void;
}

const isFunction = (value: unknown): value is (progress: ConversionProgress) => void =>
  typeof value === 'function';

export const convertSchema = v.looseObject({
  output: v.pipe(v.string('must be a path'), v.minLength(1, 'must be a path')),
  to: v.optional(v.picklist(conversionTargets, `must be one of ${conversionTargets.join(', ')}`), 'tokens'),
  format: v.optional(v.picklist(formatNames, `must be one of ${formatNames.join(', ')}`)),
  columns: v.optional(v.array(v.string())),
  textUnit: v.optional(
    v.union(
      [v.picklist(['line', 'file']), v.strictObject({ separator: v.pipe(v.string(), v.minLength(1)) })],
      "must be 'line', 'file' or { separator }",
    ),
    'file',
  ),
  tokenizer: v.optional(
    v.custom<TokenizerChoice>(
      isTokenizerChoice,
      `must be one of ${tokenizerNames.join(', ')}, a function from text to ids, or workerFunction(…)`,
    ),
    'cl100k_base' satisfies TokenizerName,
  ),
  field: v.optional(v.string(), 'text'),
  appendEndOfText: v.optional(booleanOption, false),
  dtype: v.optional(v.custom<DType>(isDType, 'must be a dtype')),
  dtypeTable: v.optional(
    v.picklist(['deepspeed', 'megatron'], "must be 'deepspeed' or 'megatron'"),
    'deepspeed',
  ),
  types: v.optional(recordOf(v.string()), {}),
  shardSamples: v.optional(integerFrom(1)),
  numWorkers: v.optional(integerFrom(0)),
  overwrite: v.optional(booleanOption, false),
  onProgress: v.optional(v.custom<(progress: ConversionProgress) => void>(isFunction, 'must be a function')),
});

/** Threads where the options do not say. */
export function defaultWorkers(tokenizer: TokenizerChoice): number {
  const movable = typeof tokenizer === 'string' || 'module' in tokenizer;
  return movable ? Math.min(availableParallelism(), 8) : 0;
}
