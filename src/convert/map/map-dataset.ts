import { existsSync, rmSync } from 'node:fs';
import type { Dataset } from '../../core/dataset.js';
import { isMapDataset } from '../../core/dataset.js';
import { ConfigError, StorageError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { parseOptions } from '../../core/options.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';
import type { WorkerModule } from '../../datasets/worker-module.js';
import { isRemote } from '../../storage/url-scheme.js';
import { findInputs } from '../conversion-input.js';
import { jobOf, outputOf, planConversion, planMap } from '../conversion-plan.js';
import type { ConversionOutcome } from '../conversion-run.js';
import { prepareConversion, storageOf } from '../convert.js';
import { type ConvertOptions, convertSchema } from '../convert-options.js';
import type { PreparedConversion } from '../prepared-conversion.js';
import { cancelPrepared, runConversion } from '../run-conversion.js';
import { finishedConversion } from '../stored/publish-stored.js';
import { parentOf } from '../stored/stored-parts.js';
import { tooMany } from './failure-budget.js';
import type { Usage } from './map-calls.js';
import type { MapFunction } from './map-function.js';
import type { MapLimits } from './map-limits.js';
import { limitNames, limitsSchema } from './map-limits.js';
import { MapParts } from './map-parts.js';

/** Options of {@link mapDataset}. */
export interface MapOptions
  extends Pick<
    ConvertOptions,
    | 'output'
    | 'format'
    | 'columns'
    | 'selection'
    | 'textUnit'
    | 'types'
    | 'overwrite'
    | 'redis'
    | 'queue'
    | 'attempts'
    | 'backoffMs'
    | 'pollMs'
    | 'onRefusal'
    | 'onProgress'
  > {
  /** Format of the results. @defaultValue `'jsonl'` */
  readonly to?: 'jsonl' | 'parquet';
  /**
   * Samples of a part: what is repeated at most if the process is killed. @defaultValue `1_000`
   */
  readonly partSamples?: number;
  /** Calls that run at once. @defaultValue `16` */
  readonly concurrency?: number;
  /** Most calls in a time, further attempts included: `600/min`, `10/s`. @defaultValue no limit */
  readonly rate?: string;
  /** Most tokens in a time, as the function reports them. @defaultValue no limit */
  readonly tokenRate?: string;
  /** Samples per call, which the function gets as a list. @defaultValue one sample, not in a list */
  readonly batchSize?: number;
  /** Milliseconds after which an attempt has failed. @defaultValue `120_000` */
  readonly timeoutMs?: number;
  /**
   * Further attempts of a call after a failure that passes: status 408, 409, 425, 429 and 500 up, a lost connection, a
   * timeout. @defaultValue `5`
   */
  readonly retries?: number;
  /**
   * Pause before the second attempt, in milliseconds; it doubles each time, up to a minute. `Retry-After` of the server
   * counts if it is longer. @defaultValue `1_000`
   */
  readonly retryMs?: number;
  /** Samples that may fail; their rows hold the error. @defaultValue `0` */
  readonly maxFailures?: number;
  /** Threads; 0 calls the function on this one. Limits hold for each thread. @defaultValue `0` */
  readonly numWorkers?: number;
}

/** Result of {@link mapDataset}. */
export interface MapResult extends ConversionOutcome {
  /** What the calls of this process used, with repeated attempts. Calls of other machines are not in it. */
  readonly usage: Usage;
  readonly elapsedMs: number;
}

type MapInput = string | readonly string[] | Dataset<unknown>;
type MapCode = MapFunction | WorkerModule<MapFunction>;

/**
 * Calls an asynchronous function with every sample and writes the results in the order of the samples: to label,
 * translate or score data with a model, or for code of your own. Row `k` of the output is the result for sample `k`.
 *
 * Samples are divided into parts, which are kept in `<output>.converting`. After an interruption, call it again with the
 * same arguments: finished parts are not called again, and every sample is in the output exactly once. Calls of a part
 * that was interrupted are repeated.
 *
 * Limits hold for all calls of this process. With `redis` or `numWorkers`, each thread keeps to them by itself: divide
 * the rate by the number of threads.
 *
 * ```ts
 * await mapDataset('raw/*.jsonl', async ({ text }, { signal }) => ({ label: await classify(text, signal) }), {
 *   output: 'labels',
 *   rate: '600/min',
 * });
 * ```
 *
 * @param data - Paths, folders, patterns or URLs, as for `convert`; or a dataset.
 * @param fn - The function; for threads and other machines, a module named with `workerFunction`.
 * @throws {@link ConfigError}; {@link SampleError} if more than `maxFailures` samples failed, with the cause; {@link
 *   StorageError} if the output exists with other content; {@link FormatError} for a result that is not JSON.
 */
export async function mapDataset(data: MapInput, fn: MapCode, options: MapOptions): Promise<MapResult> {
  const started = performance.now();
  const to = options.to ?? 'jsonl';
  const map = await prepareMap(data, fn, options);
  try {
    const done = to === 'parquet' ? await toParquet(map, options) : await runConversion(map);
    const { writer } = map.plan;
    const usage = writer instanceof MapParts ? writer.calls.usage : { calls: 0, tokens: 0, cost: 0 };
    return { ...done, usage, elapsedMs: performance.now() - started };
  } finally {
    await map.plan.writer.close();
  }
}

/** Removes a map from the queue of a cluster. Returns whether it was there. */
export async function cancelMap(data: MapInput, fn: MapCode, options: MapOptions): Promise<boolean> {
  const map = await prepareMap(data, fn, options);
  try {
    return await cancelPrepared(map);
  } finally {
    await map.plan.writer.close();
  }
}

/** What a map would use, from calls with some samples. */
export interface MapEstimate {
  readonly samples: number;
  /** Samples that were called, evenly spaced. Their results are not kept. */
  readonly called: number;
  readonly failures: number;
  /** Estimates for all samples. */
  readonly calls: number;
  readonly tokens: number;
  readonly cost: number;
  readonly elapsedMs: number;
}

const mostEstimated = 1_000;

/**
 * Estimates time, tokens and cost of a map by calling the function with 1 % of the samples, evenly spaced, at least 10
 * and at most 1,000, within the limits of the options. Writes nothing.
 *
 * @throws {@link SampleError} if every call failed, with the cause of the first.
 */
export async function estimateMap(data: MapInput, fn: MapCode, options: MapOptions): Promise<MapEstimate> {
  const map = await prepareMap(data, fn, options);
  const { samples, writer } = map.plan;
  try {
    const { calls } = writer as MapParts;
    const { batchSize = 1 } = map.limits;
    const wanted = Math.min(samples, mostEstimated, Math.max(10, Math.ceil(samples / 100)));
    const batches = Math.max(1, Math.floor(wanted / batchSize));
    const started = performance.now();
    const results = await Promise.all(
      Array.from({ length: batches }, (_, k) => {
        const first = Math.floor((k * samples) / batches);
        const size = Math.min(batchSize, samples - first);
        const indices = Array.from({ length: size }, (_each, i) => first + i);
        return calls.call(indices, () => false).then((result) => ({ result, size }));
      }),
    );
    const elapsedMs = performance.now() - started;
    const called = results.reduce((sum, { size }) => sum + size, 0);
    const failed = results.flatMap(({ result, size }) =>
      result && 'error' in result ? [{ error: result.error, size }] : [],
    );
    if (failed.length === results.length) throw tooMany(called, 0, failed[0]?.error);
    const factor = samples / called;
    const { calls: made, tokens, cost } = calls.usage;
    return {
      samples,
      called,
      failures: failed.reduce((sum, { size }) => sum + size, 0),
      calls: Math.round(made * factor),
      tokens: Math.round(tokens * factor),
      cost: cost * factor,
      elapsedMs: elapsedMs * factor,
    };
  } finally {
    await writer.close();
  }
}

interface PreparedMap extends PreparedConversion {
  readonly job: string;
  readonly limits: MapLimits;
}

async function prepareMap(data: MapInput, fn: MapCode, options: MapOptions): Promise<PreparedMap> {
  const { to = 'jsonl', partSamples, output, types: _types, ...rest } = options;
  const given = Object.fromEntries(Object.entries(rest).filter(([name]) => limitNames.has(name)));
  const limits = parseOptions('mapDataset options', limitsSchema, given);
  const others = Object.fromEntries(Object.entries(rest).filter(([name]) => !limitNames.has(name)));
  const resolved = parseOptions('mapDataset options', convertSchema, {
    ...others,
    output: to === 'parquet' ? `${outputOf({ output, to })}.results` : output,
    to: 'jsonl',
    ...(partSamples !== undefined && { shardSamples: partSamples }),
    map: { fn, limits },
  });
  const storage = storageOf(resolved);
  const prepared = { options: resolved, storage, limits };
  if (isMapDataset(data)) {
    if (resolved.redis !== undefined) {
      const message = 'must be names of files: other machines cannot open a dataset of this process';
      throw new ConfigError('mapDataset', [{ field: 'data', message }]);
    }
    const files = { names: [], byteLength: undefined, identity: [datasetFingerprint(data)] };
    const plan = await planMap(data, { fn, limits }, resolved.shardSamples);
    return withJob({ ...prepared, inputs: [], files, plan });
  }
  const names = [data].flat();
  const files = await findInputs(names, storage, resolved);
  const plan = await planConversion(names, files, resolved, storage);
  return withJob({ ...prepared, inputs: names, files, plan });
}

function withJob(prepared: Omit<PreparedMap, 'job'>): PreparedMap {
  return { ...prepared, job: jobOf(prepared.plan, prepared.files, prepared.options) };
}

/** Runs a map, converts its rows to Parquet and removes them. */
async function toParquet(map: PreparedMap, options: MapOptions): Promise<ConversionOutcome> {
  const { types, overwrite = false } = options;
  const output = outputOf({ output: options.output, to: 'parquet' });
  const job = fingerprint({ map: map.job, to: 'parquet', types: { ...types } });
  const results = outputOf(map.options);
  const known = await finishedConversion(output, job);
  if (known) {
    await removeRows(results);
    const { samples, files } = known;
    return { output, to: 'parquet', samples, files, continued: samples, wasDone: true };
  }
  await checkFree(output, options);
  const rows = await runConversion(map);
  const { numWorkers: _threads, onProgress: _progress, ...cluster } = clusterOptions(map);
  const prepared = await prepareConversion(`${results}/*.jsonl`, {
    ...cluster,
    output,
    to: 'parquet',
    types: { ...((map.limits.maxFailures ?? 0) > 0 && { error: 'string' }), ...types },
    overwrite,
  });
  try {
    const done = await runConversion({ ...prepared, job });
    await removeRows(results);
    return {
      ...done,
      ...(rows.failures !== undefined && { failures: rows.failures }),
      continued: rows.continued,
    };
  } finally {
    await prepared.plan.writer.close();
  }
}

function clusterOptions({ options }: PreparedConversion): Partial<ConvertOptions> {
  const { redis, queue, attempts, backoffMs, pollMs, onRefusal } = options;
  return redis === undefined
    ? {}
    : { redis, queue, attempts, backoffMs, pollMs, ...(onRefusal && { onRefusal }) };
}

async function removeRows(results: string): Promise<void> {
  if (!isRemote(results)) {
    rmSync(results, { recursive: true, force: true });
    return;
  }
  const { store, name } = await parentOf(results);
  await store.remove(`${name}/`);
}

/** Fails before the first call, rather than after the last. */
async function checkFree(output: string, { overwrite = false }: MapOptions): Promise<void> {
  if (overwrite || isRemote(output) || !existsSync(output)) return;
  throw new StorageError('The output exists already and has other content', {
    where: { output },
    next: 'Choose another output, or pass overwrite: true (--overwrite) to replace it.',
  });
}
