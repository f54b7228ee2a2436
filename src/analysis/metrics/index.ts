import { ConfigError } from '../../core/errors.js';
import { compressionRatio } from './compression-ratio.js';
import { imageArea } from './image-area.js';
import { imageSharpness } from './image-sharpness.js';
import { labelRarity } from './label-rarity.js';
import type { Metric } from './metric.js';
import { pixelSums } from './pixel-sums.js';
import { punctuationShare } from './punctuation-share.js';
import { readability } from './readability.js';
import { sequenceLength } from './sequence-length.js';
import { tokenEntropy } from './token-entropy.js';
import { vocabularyRarity } from './vocabulary-rarity.js';

/** The built-in metrics. */
export const builtInMetrics: readonly Metric[] = [
  sequenceLength,
  vocabularyRarity,
  tokenEntropy,
  compressionRatio,
  punctuationShare,
  readability,
  imageArea,
  imageSharpness,
  pixelSums,
  labelRarity,
];

/** Returns a built-in metric by name. @throws {@link ConfigError} listing the names if there is none. */
export function builtInMetric(name: string): Metric {
  const metric = builtInMetrics.find((candidate) => candidate.name === name);
  if (metric) return metric;
  const known = builtInMetrics.map((candidate) => candidate.name).join(', ');
  throw new ConfigError('analyzeDifficulty options', [
    { field: 'metrics', message: `there is no metric ${name}; the built-in metrics are ${known}` },
  ]);
}
