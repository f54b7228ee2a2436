import * as v from 'valibot';
import type { Collate } from '../core/collate.js';
import type { SampleContext } from '../core/dataset.js';
import { type DType, isDType } from '../core/dtype.js';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { hasMethod, propertyOf } from '../core/property-of.js';
import { isRecord, ownValue } from '../core/record.js';
import type { BatchSampler, Sampler } from '../core/sampler.js';
import { WorkerModule } from '../datasets/worker-module.js';
import { dashboardSchema } from '../monitor/dashboard/dashboard-options.js';
import { generatorOption } from '../samplers/generator-option.js';
import type { DataLoaderOptions } from './data-loader-options.js';
import type { CreateWorker } from './engine/workers/web-worker.js';
import { tooSmall } from './order/rank-layout.js';

const iterableObject = <V>(what: string) =>
  v.custom<V>((value) => hasMethod(value, Symbol.iterator), `must be ${what}`);
const callable = <V>(what: string) =>
  v.custom<V>((value) => typeof value === 'function' || value instanceof WorkerModule, `must be ${what}`);

const autoOr = <S extends v.GenericSchema<number>>(number: S) =>
  v.union([v.literal('auto'), number], (issue) => {
    const [, ofNumber] = issue.issues ?? [];
    return `${ofNumber?.message ?? 'must be an integer'}, or 'auto'`;
  });

const schema = v.strictObject({
  batchSize: v.optional(integerFrom(1)),
  dropLast: v.optional(booleanOption),
  shuffle: v.optional(v.union([booleanOption, v.literal('shards')], "must be true, false or 'shards'")),
  sampler: v.optional(iterableObject<Sampler>('an iterable of indices')),
  batchSampler: v.optional(iterableObject<BatchSampler>('an iterable of lists of indices')),
  collate: v.optional(
    callable<Collate<never, unknown> | WorkerModule<Collate<never, unknown>>>('a function'),
  ),
  transform: v.optional(
    callable<((sample: never, context: SampleContext) => unknown) | WorkerModule<never>>('a function'),
  ),
  numWorkers: v.optional(autoOr(integerFrom(0)), 0),
  prefetchFactor: v.optional(autoOr(integerFrom(1))),
  prefetchBytes: v.optional(integerFrom(0), 2 ** 28),
  persistentWorkers: v.optional(booleanOption),
  workersOf: v.optional(
    v.custom<NonNullable<DataLoaderOptions<never, DType, never, never>['workersOf']>>(
      (value) => typeof propertyOf(value, 'options') === 'object',
      'must be a DataLoader',
    ),
  ),
  cacheSamples: v.optional(
    v.union(
      [
        v.strictObject({ memory: integerFrom(2 ** 16) }),
        v.strictObject({
          disk: v.pipe(v.string(), v.minLength(1)),
          maxBytes: v.optional(integerFrom(2 ** 16)),
        }),
      ],
      'must be { memory: bytes } or { disk: folder, maxBytes }, with at least 64 KiB',
    ),
  ),
  createWorker: v.optional(
    v.custom<CreateWorker>((value) => typeof value === 'function', 'must be a function that makes a Worker'),
  ),
  inOrder: v.optional(booleanOption, true),
  pinMemory: v.optional(booleanOption, false),
  timeoutMs: v.optional(v.pipe(v.number('must be a number'), v.minValue(0, 'must be 0 or more')), 0),
  seed: v.optional(integerFrom(0), 0),
  rank: v.optional(integerFrom(0), 0),
  worldSize: v.optional(integerFrom(1), 1),
  gradientAccumulationSteps: v.optional(integerFrom(1), 1),
  uneven: v.optional(
    v.picklist(['repeat', 'short', 'none'], "must be 'repeat', 'short' or 'none'"),
    'repeat',
  ),
  elastic: v.optional(booleanOption, false),
  onError: v.optional(
    v.picklist(['throw', 'skip', 'replace', 'retry'], `must be 'throw', 'skip', 'replace' or 'retry'`),
    'throw',
  ),
  maxFailures: v.optional(
    v.pipe(v.number('must be a number'), v.gtValue(0, "must be above 0; onError: 'throw' allows no failure")),
  ),
  provenance: v.optional(booleanOption, false),
  reuseBuffers: v.optional(booleanOption, false),
  numberDtype: v.optional(
    v.custom<DType>((value) => isDType(value) && value !== 'bool', 'must be a dtype other than bool'),
    'float32',
  ),
  generator: generatorOption,
  dashboard: v.optional(dashboardSchema),
});

/** Checked options of a loader, with defaults filled in. */
export type ResolvedOptions = Readonly<v.InferOutput<typeof schema>> & {
  readonly prefetchFactor: number | 'auto';
  readonly persistentWorkers: boolean;
  readonly maxFailures: number;
};

/**
 * Checks the options of a loader.
 *
 * @throws {@link ConfigError} naming every unknown field, invalid value and impossible combination.
 */
export function resolveOptions(options: unknown): ResolvedOptions {
  const given = parseOptions('DataLoader options', schema, withSharedWorkers(options));
  const problems = contradictions(given);
  if (problems.length > 0) throw new ConfigError('DataLoader options', problems);
  return {
    ...given,
    prefetchFactor: given.prefetchFactor ?? 'auto',
    persistentWorkers: given.persistentWorkers ?? true,
    maxFailures: given.maxFailures ?? 0.1,
  };
}

/** Fills in what a loader that shares workers takes from the other one. @throws {@link ConfigError} */
function withSharedWorkers(options: unknown): unknown {
  if (!isRecord(options)) return options;
  const { workersOf, ...own } = options;
  const other = propertyOf(workersOf, 'options');
  if (!isRecord(other)) return options;
  for (const field of ['numWorkers', 'createWorker']) {
    if (ownValue(own, field) === undefined) continue;
    throw new ConfigError('DataLoader options', [
      { field, message: 'cannot be given together with workersOf, whose loader decides it' },
    ]);
  }
  return { ...own, workersOf, numWorkers: other.numWorkers, createWorker: other.createWorker };
}

/** Rejects options that do not apply to an iterable dataset. @throws {@link ConfigError} */
export function checkIterable(options: ResolvedOptions): void {
  const { shuffle, sampler, batchSampler, generator } = options;
  const inOrder = options.inOrder ? undefined : options.inOrder;
  const uneven = options.uneven === 'repeat' ? undefined : options.uneven;
  const { cacheSamples } = options;
  const provenance = options.provenance || undefined;
  const onError = options.onError === 'replace' ? options.onError : undefined;
  const given = {
    shuffle,
    sampler,
    batchSampler,
    generator,
    inOrder,
    uneven,
    provenance,
    onError,
    cacheSamples,
  };
  const problems = Object.entries(given)
    .filter(([, value]) => value !== undefined && (value !== false || given.inOrder === value))
    .map(([field]) => ({ field, message: 'needs a map-style dataset; this one can only be iterated' }));
  if (problems.length > 0) throw new ConfigError('DataLoader options', problems);
}

function contradictions(given: v.InferOutput<typeof schema>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const exclude = (field: keyof typeof given, other: keyof typeof given, why: string): void => {
    if (given[field] !== undefined && given[other] !== undefined)
      problems.push({ field, message: `${why} ${other}` });
  };
  for (const field of ['batchSize', 'shuffle', 'sampler', 'dropLast'] as const) {
    exclude(field, 'batchSampler', 'cannot be given together with');
  }
  exclude('shuffle', 'sampler', 'cannot be given together with');
  if (given.shuffle === 'shards') exclude('shuffle', 'generator', "cannot be 'shards' together with");
  if (given.numWorkers === 0) {
    for (const field of ['prefetchFactor', 'persistentWorkers', 'createWorker'] as const) {
      if (given[field] !== undefined) problems.push({ field, message: 'needs numWorkers of 1 or more' });
    }
    if (!given.inOrder) problems.push({ field: 'inOrder', message: 'false needs numWorkers of 1 or more' });
  }
  if (given.maxFailures !== undefined && given.onError !== 'skip' && given.onError !== 'replace')
    problems.push({ field: 'maxFailures', message: "needs onError: 'skip' or 'replace'" });
  if (given.uneven !== 'repeat' && given.batchSampler) {
    const message = `'${given.uneven}' needs batchSize: the number of samples in the last batch of a batchSampler is unknown`;
    problems.push({ field: 'uneven', message });
  }
  if (given.uneven === 'none' && given.elastic) {
    problems.push({
      field: 'uneven',
      message: "'none' makes epochs that depend on the world size, so it cannot be elastic",
    });
  }
  if (given.rank >= given.worldSize) {
    problems.push({
      field: 'rank',
      message: `${given.rank} is outside 0 … worldSize - 1 (worldSize ${given.worldSize})`,
    });
  }
  const sharing = tooSmall(given.batchSize ?? 1, given);
  if (sharing && !given.batchSampler) problems.push(sharing);
  for (const field of ['sampler', 'batchSampler'] as const) {
    const problem = given[field] && notAnOrder(given[field]);
    if (problem) problems.push({ field, message: problem });
  }
  return problems;
}

/** The problem of a sampler that cannot repeat an epoch, or has no length. */
function notAnOrder(sampler: Sampler | BatchSampler): string | undefined {
  const iterator: unknown = hasMethod(sampler, 'next') ? sampler[Symbol.iterator]() : undefined;
  if (iterator === sampler)
    return 'is an iterator, which is used up after one epoch: pass an object whose [Symbol.iterator]() returns a new one each time';
  const { length } = sampler;
  if (Number.isInteger(length) && length >= 0) return undefined;
  return `must have a length, the number of its elements per epoch: an integer of 0 or more, not ${String(length)}`;
}
