import { ConfigError } from '../../core/errors.js';
import { sequenceLength } from './sequence-length.js';
import type { TokenMetric } from './token-metric.js';
import { vocabularyRarity } from './vocabulary-rarity.js';

/** The metrics that come with Millrace. */
export const tokenMetrics: readonly TokenMetric[] = [sequenceLength, vocabularyRarity];

/** The metric of a name. @throws {@link ConfigError} listing the names when there is none. */
export function tokenMetric(name: string): TokenMetric {
  const metric = tokenMetrics.find((candidate) => candidate.name === name);
  if (metric) return metric;
  const known = tokenMetrics.map((candidate) => candidate.name).join(', ');
  throw new ConfigError('analyzeDifficulty options', [
    { field: 'metrics', message: `there is no metric ${name}; there are ${known}` },
  ]);
}
