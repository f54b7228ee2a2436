import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { type ModuleRecipe, recipeOf, toRecipe } from '../core/recipe.js';
import { WorkerModule } from '../datasets/worker-module.js';
import { makeFromRecipe } from '../recipes/make-from-recipe.js';
import { builtInMetric } from './metrics/index.js';
import type { Metric } from './metrics/metric.js';
import { loadSelectMetric, type SelectMetricRecipe } from './select/select-metrics.js';

/** A metric or a function that measures samples: what a module of a metric exports. */
export type MetricExport = Metric<never> | Metric<never>['measure'];

/**
 * What to measure: the name of a built-in metric; your own metric, which only this thread can use; or a metric named
 * by its module, `workerFunction(new URL('./loss.js', import.meta.url))`, which threads and other machines can load.
 */
export type MetricSource = string | Metric<never> | WorkerModule<unknown>;

/** How another thread obtains a metric: a built-in by name, or a module. */
export type MetricRecipe = string | ModuleRecipe | SelectMetricRecipe;

/** Returns the recipe of a metric. @throws {@link WorkerTransferError} for a metric that is passed as an object. */
export function metricRecipe(source: MetricSource): MetricRecipe {
  if (typeof source === 'string') return source;
  if (source instanceof WorkerModule) return source[toRecipe]();
  if ('select' in source) return source as unknown as SelectMetricRecipe;
  return recipeOf(source.measure, 'metric') as never;
}

/** A metric with its defaults filled in. */
export interface LoadedMetric {
  readonly name: string;
  readonly kind: 'value' | 'count';
  /** 0 if values are stored as measured. */
  readonly scale: number;
  readonly batchSize: number;
  readonly unit: string;
  readonly description: string;
  readonly metric: Metric;
  /** Identifies the code of the metric. */
  readonly code: string;
}

/** @throws {@link ConfigError} if the source is not a metric, {@link FormatError} if the module has no such export. */
export async function loadMetric(source: MetricSource | MetricRecipe): Promise<LoadedMetric> {
  if (typeof source === 'string') return filled(builtInMetric(source), source);
  if ('select' in source) {
    const { metric, code } = await loadSelectMetric(source as SelectMetricRecipe);
    return filled(metric, code);
  }
  if (!('module' in source))
    return filled(source as Metric, fingerprint({ measure: String(source.measure) }));
  const recipe = source instanceof WorkerModule ? (metricRecipe(source) as ModuleRecipe) : source;
  const exported = await makeFromRecipe<MetricExport>(recipe);
  const metric = typeof exported === 'function' ? { name: nameOf(recipe), measure: exported } : exported;
  return filled(metric as Metric, codeOf(recipe));
}

function filled(metric: Metric, code: string): LoadedMetric {
  const { name, kind = 'value', scale = 0, batchSize = 64, unit = '', description = '' } = metric ?? {};
  const problems: string[] = [];
  if (typeof name !== 'string' || !/^[\w.-]{1,100}$/.test(name) || /^\.+$/.test(name))
    problems.push('its name must be 1 to 100 letters, digits, _, - and .');
  if (typeof metric?.measure !== 'function') problems.push('it has no function measure');
  if (kind !== 'value' && kind !== 'count') problems.push(`its kind must be 'value' or 'count'`);
  if (!Number.isFinite(scale) || scale < 0) problems.push('its scale must be a number above 0');
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) problems.push('its batchSize must be 1 or more');
  if (problems.length === 0) return { name, kind, scale, batchSize, unit, description, metric, code };
  throw new ConfigError(
    'analyzeDifficulty options',
    problems.map((message) => ({ field: 'metrics', message: `${String(name)} is not a metric: ${message}` })),
  );
}

/** Name of the module's file, and of the export if it is not the default. */
function nameOf({ module, export: exported }: ModuleRecipe): string {
  const file = decodeURIComponent(new URL(module).pathname);
  return exported === 'default' ? basename(file, extname(file)) : exported;
}

/** Covers the text of the module, not its imports. */
function codeOf(recipe: ModuleRecipe): string {
  const { protocol } = new URL(recipe.module);
  const text = protocol === 'file:' ? readFileSync(fileURLToPath(recipe.module), 'utf8') : recipe.module;
  return fingerprint({ text, export: recipe.export, options: JSON.stringify(recipe.options ?? null) });
}
