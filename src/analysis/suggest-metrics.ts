import type { Dataset } from '../core/dataset.js';
import { sampleContext } from '../random/sample-context.js';
import { labelOf, pixelsOf, textOf, tokensOf } from './metrics/sample-parts.js';

/** Suggests metrics for a dataset from its first sample; by default, those of token ids. */
export async function suggestMetrics(dataset: Dataset<unknown>): Promise<string[]> {
  if (dataset.length === 0) return ['seqlen'];
  const sample = await dataset.get(0, sampleContext(0));
  const has = (part: (sample: unknown, index: number) => unknown): boolean => {
    try {
      part(sample, 0);
      return true;
    } catch {
      return false;
    }
  };
  if (has(textOf)) return ['compressionratio', 'punctuationshare'];
  if (has(pixelsOf)) return ['imagearea', 'imagesharpness', ...(has(labelOf) ? ['labelrarity'] : [])];
  if (!has(tokensOf) && has(labelOf)) return ['labelrarity'];
  return ['seqlen', 'vocabularyrarity'];
}
