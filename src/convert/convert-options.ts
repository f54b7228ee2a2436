import { availableParallelism } from 'node:os';
import * as v from 'valibot';
import { type DType, isDType } from '../core/dtype.js';
import { booleanOption, integerFrom, recordOf } from '../core/options.js';
import type { FormatName } from '../formats/format-table.js';
import { formatNames } from '../formats/format-table.js';
import type { DTypeTable } from '../formats/indexed/indexed-dataset-dtypes.js';
import type { TextUnit } from '../formats/text/text-dataset.js';
import { redisSchema } from '../parts/cluster/redis.js';
import { clusterEntries } from '../parts/cluster/run-on-cluster.js';
import type { StorageOptions } from '../storage/storage-options.js';
import {
  isTokenizerChoice,
  type TokenizerChoice,
  type TokenizerName,
  tokenizerNames,
} from '../tokens/tokenizer.js';
import { type ConversionTarget, conversionTargets } from './manifest.js';
import { mapSettingsSchema } from './map/map-function.js';
import type { ParquetType } from './parquet-types.js';

/** Progress of a conversion. */
export interface ConversionProgress {
  readonly phase: 'converting' | 'merging';
  /** Finished samples, including those of an earlier run. */
  readonly done: number;
  readonly total: number;
  /** Tokens so far, for a conversion to tokens. */
  readonly tokens: number;
}

export interface ConvertOptions extends StorageOptions {
  /** Path of the output: the folder of the shards, or the prefix of the `.bin` and `.idx` files. */
  readonly output: string;
  /** Output format: indexed tokens, tar shards of a folder's files, Parquet shards, or JSON Lines. @defaultValue `'tokens'` */
  readonly to?: ConversionTarget;
  /** Format of the inputs. @defaultValue detected by name, file by file; files of unknown format are text */
  readonly format?: FormatName;
  /** Columns of the inputs to read. @defaultValue all */
  readonly columns?: readonly string[];
  /**
   * Converts only the samples of a selection, the output of `millrace select`; see `openDataset`. Takes one input, the data that was
   * selected. @defaultValue all samples
   */
  readonly selection?: string;
  /** What one document of a text file is: the file, a line, or the text between separators. @defaultValue `'file'` */
  readonly textUnit?: TextUnit;
  /** To tokens: the tokenizer. @defaultValue `'cl100k_base'` */
  readonly tokenizer?: TokenizerChoice;
  /** To tokens: the field of a sample that contains its text. @defaultValue `'text'` */
  readonly field?: string;
  /** To tokens: whether to append the end-of-text token to each document. @defaultValue `false` */
  readonly appendEndOfText?: boolean;
  /** To tokens: dtype of the stored tokens. @defaultValue `'int32'`; `'uint8'` for the tokenizer `'bytes'` */
  readonly dtype?: DType;
  /**
   * To tokens: whose dtype codes to write; the two tables agree on `uint8` and `int32`. @defaultValue `'deepspeed'`
   */
  readonly dtypeTable?: DTypeTable;
  /** To Parquet: types of columns. @defaultValue determined by the first 1,000 samples */
  readonly types?: Readonly<Record<string, ParquetType>>;
  /**
   * Samples per shard; to tokens, per part, which does not affect the result. If the process is killed, at most the
   * parts in progress are lost. @defaultValue 10,000 for tar, 100,000 for Parquet and JSON Lines, about 16 MiB of text for tokens
   */
  readonly shardSamples?: number;
  /**
   * Number of threads; 0 converts on the calling thread. @defaultValue one per core, up to 8; 0 if the tokenizer is a
   * function
   */
  readonly numWorkers?: number;
  /** Whether to replace an existing output or unfinished conversion. @defaultValue `false` */
  readonly overwrite?: boolean;
  /**
   * URL of a Redis server: the workers of its queue (`millrace worker`) make the parts. Inputs and output must have the
   * same names on all machines. @defaultValue threads of this process
   */
  readonly redis?: string;
  /** Name of the queue. @defaultValue `'millrace'` */
  readonly queue?: string;
  /** On a cluster: number of attempts of a job before the conversion fails. @defaultValue `3` */
  readonly attempts?: number;
  /** On a cluster: pause before the second attempt, in milliseconds; it doubles each time. @defaultValue `1_000` */
  readonly backoffMs?: number;
  /** On a cluster: interval between reads of the queue's state, in milliseconds. @defaultValue `1_000` */
  readonly pollMs?: number;
  /** On a cluster: called once for each worker that refuses jobs, with its name and the reason. */
  readonly onRefusal?: (refusal: string) => void;
  readonly onProgress?: (progress: ConversionProgress) => void;
}

const isFunction = (value: unknown): value is (progress: ConversionProgress) => void =>
  typeof value === 'function';

export const convertSchema = v.looseObject({
  output: v.pipe(v.string('must be a path'), v.minLength(1, 'must be a path')),
  to: v.optional(v.picklist(conversionTargets, `must be one of ${conversionTargets.join(', ')}`), 'tokens'),
  format: v.optional(v.picklist(formatNames, `must be one of ${formatNames.join(', ')}`)),
  columns: v.optional(v.array(v.string())),
  selection: v.optional(v.string()),
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
  ...clusterEntries,
  redis: v.optional(redisSchema),
  map: v.optional(mapSettingsSchema),
  onProgress: v.optional(v.custom<(progress: ConversionProgress) => void>(isFunction, 'must be a function')),
});

/** Default number of threads. */
export function defaultWorkers({
  tokenizer,
  map,
}: {
  readonly tokenizer: TokenizerChoice;
  readonly map?: unknown;
}): number {
  // The function of a map waits for others most of the time, and limits hold for a thread.
  if (map !== undefined) return 0;
  const movable = typeof tokenizer === 'string' || 'module' in tokenizer;
  return movable ? Math.min(availableParallelism(), 8) : 0;
}
