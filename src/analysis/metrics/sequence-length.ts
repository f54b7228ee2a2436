import { eachSample, type Metric } from './metric.js';
import { tokensOf } from './sample-parts.js';

/**
 * Number of tokens; whole. Short sequences first is the oldest curriculum for language models; in DeepSpeed's data-efficiency work
 * (Li et al., 2022) its metric is called `seqlen`. An indexed dataset knows the lengths: nothing is read.
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
