import { eachSample, type Metric } from './metric.js';
import { tokensOf } from './sample-parts.js';

/**
 * Number of tokens. Short sequences first is the oldest curriculum for language models; DeepSpeed's data-efficiency
 * work (Li et al., 2022) calls this metric `seqlen`. Reads nothing for an indexed dataset, which knows the lengths.
 */
export const sequenceLength: Metric = {
  name: 'seqlen',
  description: 'number of tokens',
  unit: 'tokens',
  knownValues: (dataset) => {
    const { sizes } = dataset as { readonly sizes?: unknown };
    return sizes instanceof Int32Array && sizes.length === dataset.length ? sizes : undefined;
  },
  measure: eachSample((sample, index) => tokensOf(sample, index).length),
};
