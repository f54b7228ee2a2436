import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { booleanOption, integerFrom, recordOf } from '../../core/options.js';
import { type WorkerFunction, WorkerModule } from '../../datasets/worker-module.js';
import { type Where, whereOption } from '../../formats/where/where.js';
import { redisSchema } from '../../parts/cluster/redis.js';
import { clusterEntries } from '../../parts/cluster/run-on-cluster.js';
import type { AnalysisProgress } from '../analyze-difficulty-options.js';

/** Options of `selectDataset`. Rules are applied in the order of the options. */
export interface SelectOptions {
  /** Folder of the selection, or an `s3:`, `gs:` or `az:` URL. On a cluster, a place that all machines share. */
  readonly output: string;
  /** Field of a sample that holds its text. @defaultValue `text`, `content` or `document`, or a sample that is a text */
  readonly field?: string;
  /**
   * A condition that samples must meet, as in `openDataset`: `{ lang: 'en', score: { gte: 3 } }`. Write times as text in
   * ISO 8601. @defaultValue none
   */
  readonly where?: Where;
  /** Named rules of quality: `gopher-quality`, `gopher-repetition`, `c4-quality`. @defaultValue none */
  readonly quality?: readonly string[];
  /** Languages that stay, by ISO 639-1 code: `en`. Needs the package `eld`. @defaultValue all */
  readonly languages?: readonly string[];
  /** A function of a module, which is given sample and index and returns whether the sample stays. @defaultValue none */
  readonly filter?: WorkerFunction<(sample: never, index: number) => unknown>;
  /** Evaluation sets: files of texts. A sample that shares an n-gram of words with one of them goes. @defaultValue none */
  readonly decontaminate?: readonly string[];
  /** Words of an n-gram of `decontaminate`. @defaultValue `13` */
  readonly decontaminateWords?: number;
  /** Removes samples that repeat an earlier one: in every character, or nearly. `near` includes `exact`. @defaultValue none */
  readonly dedup?: 'exact' | 'near';
  /** Parameters of `near`: bands, hashes of a band, words of an n-gram. @defaultValue 14 bands of 8 hashes, 5 words */
  readonly minHash?: { readonly bands?: number; readonly rows?: number; readonly words?: number };
  /** Share of the samples that stay, 0 … 1; a sample of weight `w` stays with the probability `share × w`. @defaultValue 1 */
  readonly sample?: number;
  /** Column of the weights. @defaultValue each weighs 1 */
  readonly weight?: string;
  /** Splits and their shares: `{ train: 0.98, test: 0.02 }`. @defaultValue one split, `kept` */
  readonly splits?: Readonly<Record<string, number>>;
  /** Threads. @defaultValue `2` */
  readonly numWorkers?: number;
  /** Memory to measure and sort, in bytes. @defaultValue `512_000_000` */
  readonly memoryBytes?: number;
  readonly overwrite?: boolean;
  /** URL of a Redis server: the workers of its queue measure. @defaultValue threads of this process */
  readonly redis?: string;
  /** Name of the queue. @defaultValue `'millrace'` */
  readonly queue?: string;
  /** On a cluster: interval between reads of the queue's state, in milliseconds. @defaultValue `1_000` */
  readonly pollMs?: number;
  readonly onRefusal?: (refusal: string) => void;
  readonly onProgress?: (progress: AnalysisProgress) => void;
}

const share = v.pipe(v.number(), v.minValue(0, 'must be 0 or more'), v.maxValue(1, 'must be at most 1'));
/** A condition that JSON keeps: it is part of the manifest and of the jobs of a cluster. */
const plainWhere = v.pipe(
  whereOption,
  v.check(
    (where) => isDeepStrictEqual(where, where && JSON.parse(JSON.stringify(where))),
    'must be plain JSON: write a time as text in ISO 8601',
  ),
);
const splitName = /^[\w-]{1,50}$/;

export const selectSchema = v.strictObject({
  output: v.pipe(v.string('must be a folder or a URL'), v.nonEmpty('must be a folder or a URL')),
  field: v.optional(v.string()),
  where: plainWhere,
  quality: v.optional(v.array(v.string()), []),
  languages: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
  filter: v.optional(
    v.custom<WorkerModule<unknown>>((value) => value instanceof WorkerModule, 'must be workerFunction(…)'),
  ),
  decontaminate: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
  decontaminateWords: v.optional(integerFrom(1), 13),
  dedup: v.optional(v.picklist(['exact', 'near'], `must be 'exact' or 'near'`)),
  minHash: v.optional(
    v.strictObject({
      bands: v.optional(integerFrom(1), 14),
      rows: v.optional(integerFrom(1), 8),
      words: v.optional(integerFrom(1), 5),
    }),
    {},
  ),
  sample: v.optional(share, 1),
  weight: v.optional(v.string()),
  splits: v.optional(
    v.pipe(
      recordOf(share),
      v.check(
        (splits) => Math.abs(Object.values(splits).reduce((a, b) => a + b, 0) - 1) < 1e-9,
        'must add up to 1',
      ),
      v.check((splits) => Object.keys(splits).every((name) => splitName.test(name)), 'must have plain names'),
    ),
    { kept: 1 },
  ),
  numWorkers: v.optional(integerFrom(0), 2),
  memoryBytes: v.optional(integerFrom(1), 512e6),
  overwrite: v.optional(booleanOption, false),
  redis: v.optional(redisSchema),
  queue: clusterEntries.queue,
  pollMs: clusterEntries.pollMs,
  onRefusal: clusterEntries.onRefusal,
  onProgress: v.optional(v.custom<(progress: AnalysisProgress) => void>((f) => typeof f === 'function')),
});

/** The options with their defaults. */
export type SelectSettings = v.InferOutput<typeof selectSchema>;
