import * as v from 'valibot';
import { isIterableDataset, isMapDataset } from '../core/dataset.js';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { integerFrom, parseOptions } from '../core/options.js';
import { WorkerModule } from '../datasets/index.js';
import type { MillraceConfig } from './config.js';

const section = v.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
);

const isData = (value: unknown): boolean =>
  typeof value === 'string' ||
  value instanceof URL ||
  value instanceof WorkerModule ||
  isMapDataset(value) ||
  isIterableDataset(value) ||
  (typeof value === 'object' && value !== null && ('files' in value || 'mixture' in value));

const schema = v.strictObject({
  data: v.custom<MillraceConfig['data']>(
    isData,
    'must be a path, { files }, { mixture }, a dataset or the URL of a module',
  ),
  windows: v.optional(section),
  packing: v.optional(section),
  curriculum: v.optional(v.looseObject({ metrics: v.record(v.string(), section) })),
  tokenBudget: v.optional(section),
  loader: v.optional(section, {}),
  training: v.optional(
    v.strictObject({ epochs: v.optional(integerFrom(1)), steps: v.optional(integerFrom(1)) }),
    {},
  ),
});

/** A configuration with its sections there; what is in them is checked by what they are for. */
export type ParsedConfig = MillraceConfig & Required<Pick<MillraceConfig, 'loader' | 'training'>>;

/** @throws {@link ConfigError} naming every field that is unknown, wrong, or contradicts another one. */
export function parseConfig(subject: string, config: unknown): ParsedConfig {
  const parsed = parseOptions(subject, schema, config) as ParsedConfig;
  const problems = contradictions(parsed);
  if (problems.length > 0) throw new ConfigError(subject, problems);
  return parsed;
}

function contradictions({
  windows,
  packing,
  curriculum,
  tokenBudget,
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
  if (tokenBudget && loader.batchSize !== undefined) together('loader.batchSize', 'tokenBudget');
  return problems;
}
