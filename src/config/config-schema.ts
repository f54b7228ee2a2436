import * as v from 'valibot';
import { isIterableDataset, isMapDataset } from '../core/dataset.js';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { integerFrom, parseOptions, recordOf } from '../core/options.js';
import { WorkerModule } from '../datasets/worker-module.js';
import type { MillraceConfig } from './config.js';

const section = v.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
);

const isSource = (value: unknown): boolean =>
  typeof value === 'string' ||
  value instanceof URL ||
  value instanceof WorkerModule ||
  isMapDataset(value) ||
  isIterableDataset(value) ||
  typeof (value as { files?: unknown } | null)?.files === 'string';

const weight = v.pipe(v.number('must be a number'), v.minValue(0, 'must be 0 or more'));

/** `MixtureDataset` checks its own options. */
const mixture = v.looseObject({
  mixture: recordOf(
    v.strictObject({
      data: v.custom<string>(isSource, 'must be a path, { files } or a dataset'),
      weight: v.optional(weight),
    }),
  ),
  schedule: v.optional(
    v.array(v.strictObject({ step: integerFrom(0), weights: recordOf(weight) }), 'must be a list of stages'),
  ),
});

const isMixture = (value: unknown): value is v.InferOutput<typeof mixture> =>
  typeof value === 'object' && value !== null && 'mixture' in value && !isSource(value);

const schema = v.strictObject({
  data: v.custom<MillraceConfig['data']>(
    (value) => isSource(value) || isMixture(value),
    'must be a path, { files }, { mixture }, a dataset or the URL of a module',
  ),
  windows: v.optional(section),
  packing: v.optional(section),
  lengthWarmup: v.optional(section),
  curriculum: v.optional(v.looseObject({ metrics: recordOf(section) })),
  tokenBudget: v.optional(section),
  batchSizes: v.optional(v.custom<unknown[]>((value) => Array.isArray(value), 'must be a list of stages')),
  phases: v.optional(
    v.array(
      v.looseObject({ at: integerFrom(0), weights: v.optional(v.unknown()) }),
      'must be a list of phases',
    ),
    [],
  ),
  loader: v.optional(section, {}),
  training: v.optional(
    v.strictObject({ epochs: v.optional(integerFrom(1)), steps: v.optional(integerFrom(1)) }),
    {},
  ),
});

/** A configuration whose sections exist. Each consumer validates its own section. */
export type ParsedConfig = MillraceConfig & Required<Pick<MillraceConfig, 'loader' | 'training' | 'phases'>>;

/** @throws {@link ConfigError} naming every field that is unknown, invalid, or contradicts another one. */
export function parseConfig(subject: string, config: unknown): ParsedConfig {
  const parsed = parseOptions(subject, schema, config) as unknown as ParsedConfig;
  const problems = [...contradictions(parsed), ...mixtureProblems(subject, parsed.data)];
  if (problems.length > 0) throw new ConfigError(subject, problems);
  return parsed;
}

function contradictions({
  windows,
  packing,
  curriculum,
  tokenBudget,
  batchSizes,
  loader,
  training,
}: ParsedConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const together = (field: string, other: string) =>
    problems.push({ field, message: `cannot be given together with ${other}` });
  if (windows && packing) together('packing', 'windows');
  if (curriculum && tokenBudget) together('tokenBudget', 'curriculum');
  if (training.epochs !== undefined && training.steps !== undefined)
    together('training.steps', 'training.epochs');
  const order = curriculum ? 'curriculum' : tokenBudget ? 'tokenBudget' : undefined;
  for (const key of ['sampler', 'batchSampler', 'shuffle'] as const)
    if (order && loader[key] !== undefined && loader[key] !== false) together(`loader.${key}`, order);
  const sizes = tokenBudget ? 'tokenBudget' : batchSizes ? 'batchSizes' : undefined;
  if (sizes && loader.batchSize !== undefined) together('loader.batchSize', sizes);
  if (batchSizes && order) together('batchSizes', order);
  for (const key of ['sampler', 'batchSampler'] as const)
    if (batchSizes && loader[key] !== undefined) together(`loader.${key}`, 'batchSizes');
  return problems;
}

/** @throws {@link ConfigError} naming every invalid source. */
function mixtureProblems(subject: string, data: unknown): ConfigProblem[] {
  if (!isMixture(data)) return [];
  const { mixture: sources, schedule = [] } = parseOptions(subject, mixture, data, 'data');
  const names = Object.keys(sources);
  return schedule.flatMap(({ weights }, k) =>
    Object.keys(weights)
      .filter((name) => !names.includes(name))
      .map((name) => ({
        field: `data.schedule.${k}.weights.${name}`,
        message: `is not a source; the sources are ${names.join(', ')}`,
      })),
  );
}
