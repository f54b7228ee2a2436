import type { JsonObject } from '../../core/json.js';
import type { WorkerModule } from '../../datasets/worker-module.js';
import { absoluteName } from '../../storage/absolute-name.js';
import { loadSelectMetric, type SelectMetricRecipe } from './select-metrics.js';
import type { SelectSettings } from './select-options.js';

/** A rule of a selection. */
export interface SelectRule {
  readonly name: string;
  /** What is measured for it. */
  readonly metrics: readonly SelectMetricRecipe[];
}

/** The rules in the order in which they are applied. */
export function rulesOf(settings: SelectSettings): SelectRule[] {
  const { field, where, quality, languages, filter, decontaminate, decontaminateWords, dedup, minHash } =
    settings;
  const text = field === undefined ? {} : { field };
  const rules: SelectRule[] = [];
  if (where)
    rules.push({ name: 'where', metrics: [{ select: 'where', options: { where: where as JsonObject } }] });
  for (const name of quality) rules.push({ name, metrics: [{ select: 'rule', options: { name, ...text } }] });
  if (languages)
    rules.push({ name: 'language', metrics: [{ select: 'language', options: { languages, ...text } }] });
  if (filter) {
    const { module, exportName } = filter as WorkerModule<unknown>;
    rules.push({ name: 'filter', metrics: [{ select: 'filter', module, options: { export: exportName } }] });
  }
  if (decontaminate) {
    const options = { files: decontaminate.map(absoluteName), n: decontaminateWords, ...text };
    rules.push({ name: 'evaluation', metrics: [{ select: 'eval', options }] });
  }
  if (dedup) rules.push({ name: 'exact duplicate', metrics: hashes(text, dedup) });
  if (dedup === 'near') {
    const { bands = 14, rows = 8, words: n = 5 } = minHash;
    const metrics = Array.from(
      { length: bands },
      (_, band): SelectMetricRecipe => ({
        select: 'band',
        options: { band, bands, rows, n, ...text },
      }),
    );
    rules.push({ name: 'near duplicate', metrics });
  }
  return rules;
}

/** Two hashes: equal texts agree in both, 106 bits together. */
function hashes(text: { readonly field?: string }, dedup: SelectSettings['dedup']): SelectMetricRecipe[] {
  const seeds = dedup === undefined ? [0] : [0, 1];
  return seeds.map((seed) => ({ select: 'hash', options: { seed, ...text } }));
}

/** What is measured for a selection: the rules, a hash for splits and sampling, weights. */
export function metricsOf(settings: SelectSettings, rules: readonly SelectRule[]): SelectMetricRecipe[] {
  const metrics = rules.flatMap((rule) => rule.metrics);
  const text = settings.field === undefined ? {} : { field: settings.field };
  if (!settings.dedup) metrics.push(...hashes(text, undefined));
  if (settings.weight !== undefined) metrics.push({ select: 'weight', options: { column: settings.weight } });
  return metrics;
}

/** What determines the result besides the data: options, and the code of modules. */
export async function parametersOf(settings: SelectSettings, rules: readonly SelectRule[]): Promise<object> {
  const {
    field,
    where,
    quality,
    languages,
    decontaminate,
    decontaminateWords,
    dedup,
    minHash,
    sample,
    weight,
    splits,
  } = settings;
  const code: [string, string][] = [];
  for (const { name, metrics } of rules)
    if (['filter', 'evaluation'].includes(name))
      code.push([name, (await loadSelectMetric(metrics[0]!)).code]);
  return {
    ...(field !== undefined && { field }),
    ...(where && { where }),
    quality,
    ...(languages && { languages }),
    ...(decontaminate && { decontaminate: { files: decontaminate, n: decontaminateWords, unit: 'words' } }),
    ...(dedup && { dedup }),
    ...(dedup === 'near' && {
      minHash: { bands: minHash.bands ?? 14, rows: minHash.rows ?? 8, n: minHash.words ?? 5, unit: 'words' },
    }),
    sample,
    ...(weight !== undefined && { weight }),
    splits,
    code: Object.fromEntries(code),
  };
}
