import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { ConfigError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import type { Json } from '../../core/json.js';
import { integerFrom, parseOptions } from '../../core/options.js';
import { importPeer } from '../../core/peer.js';
import { isRecord, ownValue } from '../../core/record.js';
import { WorkerModule } from '../../datasets/worker-module.js';
import { openDataset } from '../../formats/open-dataset.js';
import { RowChoice } from '../../formats/where/select-rows.js';
import { passes, readField } from '../../formats/where/test-row.js';
import type { Where } from '../../formats/where/where.js';
import { sampleContext } from '../../random/sample-context.js';
import type { Metric } from '../metrics/metric.js';
import { eachSample } from '../metrics/metric.js';
import { fieldOf } from '../metrics/sample-parts.js';
import { bandHashes } from './min-hash.js';
import { qualityRules } from './quality-rules.js';
import { gramsOf, textHash, wordsOf } from './text-hash.js';

/** A metric that a selection measures with, and its options: how threads and other machines make it. */
export interface SelectMetricRecipe {
  readonly select: (typeof selectMetrics)[number];
  /** URL of the module, for `filter`. */
  readonly module?: string;
  readonly options: Readonly<Record<string, Json>>;
}

export const selectMetrics = [
  'where',
  'rule',
  'language',
  'filter',
  'hash',
  'band',
  'eval',
  'weight',
] as const;

const textField = v.optional(v.string());
const schemas = {
  where: v.strictObject({ where: v.custom<Where>((value) => typeof value === 'object' && value !== null) }),
  rule: v.strictObject({ name: v.string(), field: textField }),
  language: v.strictObject({ languages: v.array(v.string()), field: textField }),
  filter: v.strictObject({ export: v.string() }),
  hash: v.strictObject({ seed: integerFrom(0), field: textField }),
  band: v.strictObject({
    band: integerFrom(0),
    bands: integerFrom(1),
    rows: integerFrom(1),
    n: integerFrom(1),
    field: textField,
  }),
  eval: v.strictObject({ files: v.array(v.string()), n: integerFrom(1), field: textField }),
  weight: v.strictObject({ column: v.string() }),
};

/** What {@link loadMetric} needs of a selection's metric. */
export interface LoadedSelectMetric {
  readonly metric: Metric;
  readonly code: string;
}

/**
 * Makes a metric of a selection.
 *
 * @throws {@link ConfigError} for options that are not of this metric, or a rule that does not exist.
 */
export async function loadSelectMetric({
  select,
  options,
  module,
}: SelectMetricRecipe): Promise<LoadedSelectMetric> {
  const code = fingerprint({ select, options });
  switch (select) {
    case 'where':
      return { code, metric: whereMetric(parseOptions('select', schemas.where, options).where) };
    case 'rule': {
      const { name, field } = parseOptions('select', schemas.rule, options);
      return { code, metric: ruleMetric(name, field) };
    }
    case 'language': {
      const { languages, field } = parseOptions('select', schemas.language, options);
      return { code, metric: await languageMetric(languages, field) };
    }
    case 'filter': {
      const { export: name } = parseOptions('select', schemas.filter, options);
      return filterMetric(module ?? '', name);
    }
    case 'hash': {
      const { seed, field } = parseOptions('select', schemas.hash, options);
      const measure = eachSample((sample, index) => textHash(fieldOf(sample, field, index), seed));
      return { code, metric: { name: `select-hash-${seed}`, measure } };
    }
    case 'band': {
      const { band, field, ...minHash } = parseOptions('select', schemas.band, options);
      const name = `select-band-${String(band).padStart(3, '0')}`;
      const measure: Metric['measure'] = (samples, { start }) =>
        batchHashes(samples, start, field, minHash).map((hashes) => hashes[band]!);
      return { code, metric: { name, measure } };
    }
    case 'eval':
      return evalMetric(parseOptions('select', schemas.eval, options), code);
    case 'weight': {
      const { column } = parseOptions('select', schemas.weight, options);
      const measure = eachSample((sample, index) => weightOf(sample, column, index));
      return { code, metric: { name: 'select-weight', measure } };
    }
  }
}

function ruleMetric(name: string, field: string | undefined): Metric {
  const rule = qualityRules.get(name);
  if (!rule) {
    const message = `there is no rule ${name}; there are ${[...qualityRules.keys()].join(', ')}`;
    throw new ConfigError('select', [{ field: 'rules', message }]);
  }
  const measure = eachSample((sample, index) => Number(!rule(fieldOf(sample, field, index))));
  return { name: `select-${name}`, measure };
}

/** 1 for a sample that does not meet a condition. */
function whereMetric(where: Where): Metric {
  const choice = RowChoice.of('select', where, undefined);
  const measure = eachSample((sample, index) =>
    Number(
      !choice.explained(
        () => passes(choice.node, (column) => readField(sample as Record<string, unknown>, column)),
        () => ({ index }),
      ),
    ),
  );
  return { name: 'select-where', measure };
}

/** 1 for a text that is in none of the languages. */
async function languageMetric(languages: readonly string[], field: string | undefined): Promise<Metric> {
  const { eld } = await importPeer<typeof import('eld/small')>('eld/small', 'The detection of languages');
  const measure = eachSample((sample, index) =>
    Number(!languages.includes(eld.detect(fieldOf(sample, field, index)).language)),
  );
  return { name: 'select-language', measure };
}

/** 1 for a sample for which a function of the user returns false. */
async function filterMetric(module: string, name: string): Promise<LoadedSelectMetric> {
  const filter = new WorkerModule<(sample: unknown, index: number) => unknown>(
    module,
    { export: name },
    false,
  );
  const keeps = await filter.load();
  if (typeof keeps !== 'function')
    throw new ConfigError('select', [
      { field: 'filters', message: `${name} of ${module} is not a function` },
    ]);
  const text = module.startsWith('file:') ? readFileSync(fileURLToPath(module), 'utf8') : module;
  return {
    code: fingerprint({ text, export: name }),
    metric: {
      name: 'select-filter',
      measure: async (samples, { start }) => {
        const kept = await Promise.all(samples.map((sample, k) => keeps(sample, start + k)));
        return kept.map((each) => Number(!each));
      },
    },
  };
}

function weightOf(sample: unknown, column: string, index: number): number {
  const weight = Number(isRecord(sample) ? ownValue(sample, column) : undefined);
  if (weight >= 0 && Number.isFinite(weight)) return weight;
  const message = `${column} is not a number of 0 or more in sample ${index}`;
  throw new ConfigError('select', [{ field: 'weight', message }]);
}

/** Band hashes by batch: all bands of a batch are computed together. */
const known = new WeakMap<readonly unknown[], readonly Float64Array[]>();

function batchHashes(
  samples: readonly unknown[],
  start: number,
  field: string | undefined,
  options: { readonly bands: number; readonly rows: number; readonly n: number },
): readonly Float64Array[] {
  const found = known.get(samples);
  if (found) return found;
  const hashes = samples.map((sample, k) => bandHashes(fieldOf(sample, field, start + k), options));
  known.set(samples, hashes);
  return hashes;
}

/** The first sample of the evaluation sets, from 1, with which a sample shares an n-gram; 0 if there is none. */
async function evalMetric(
  { files, n, field }: v.InferOutput<typeof schemas.eval>,
  code: string,
): Promise<LoadedSelectMetric> {
  const grams = new Map<number, number>();
  const prints: string[] = [];
  let place = 0;
  for (const each of files) {
    const { dataset } = await openDataset(each);
    prints.push(dataset.fingerprint?.() ?? String(dataset.length));
    for (let index = 0; index < dataset.length; index++) {
      place += 1;
      const words = wordsOf(fieldOf(await dataset.get(index, sampleContext(index)), field, index));
      // A text of fewer words has no n-gram.
      if (words.length < n) continue;
      for (const gram of gramsOf(words, n)) if (!grams.has(gram)) grams.set(gram, place);
    }
    await dataset.close?.();
  }
  const measure = eachSample((sample, index) => {
    const words = wordsOf(fieldOf(sample, field, index));
    if (words.length < n) return 0;
    for (const gram of gramsOf(words, n)) {
      const found = grams.get(gram);
      if (found !== undefined) return found;
    }
    return 0;
  });
  return { code: fingerprint({ code, prints }), metric: { name: 'select-eval', measure } };
}
