import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { ConfigError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import { limitsSchema, type MapLimits } from './map-limits.js';

/** What the function of a map is given besides the sample. */
export interface MapContext {
  /** Index of the sample; of the first one, with `batchSize`. */
  readonly index: number;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /** Aborted when the call has taken `timeoutMs`. Pass it to `fetch`, `generateText` or the client's method. */
  readonly signal: AbortSignal;
  /** Tells what the call used: tokens count for `tokenRate`, and both are in the estimate and the result. */
  report(used: { readonly tokens?: number; readonly cost?: number }): void;
}

/**
 * A function over a sample, or over a list of samples with `batchSize`; it then returns a list of as many results. A
 * result is JSON: an object becomes the columns of a row, anything else the column `value`.
 */
export type MapFunction = (sample: never, context: MapContext) => unknown;

/** The function of a map, and how it is called. */
export interface MapSettings {
  readonly fn: MapFunction | WorkerModule<MapFunction>;
  readonly limits: MapLimits;
}

const isFunction = (value: unknown): boolean => typeof value === 'function' || value instanceof WorkerModule;

export const mapSettingsSchema = v.strictObject({
  fn: v.custom<MapSettings['fn']>(isFunction, 'must be a function, or workerFunction(…)'),
  limits: limitsSchema,
});

/** @throws {@link ConfigError} if the module exports no function. */
export async function loadFunction(fn: MapSettings['fn']): Promise<MapFunction> {
  if (!(fn instanceof WorkerModule)) return fn;
  const loaded = await fn.load();
  if (typeof loaded === 'function') return loaded;
  const { module, exportName } = fn;
  const message = `must be a function: the export ${exportName} of ${module} is not`;
  throw new ConfigError('mapDataset', [{ field: 'fn', message }]);
}

/** Identifies the code of a function: the text of its module, without imports, or its own text. */
export function functionIdentity(fn: MapSettings['fn']): string {
  if (!(fn instanceof WorkerModule)) return fingerprint({ text: String(fn) });
  const { module, exportName, options } = fn;
  const text = module.startsWith('file:') ? readFileSync(fileURLToPath(module), 'utf8') : module;
  return fingerprint({ text, export: exportName, options: JSON.stringify(options ?? null) });
}
