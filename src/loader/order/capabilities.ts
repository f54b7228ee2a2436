import { CapabilityError } from '../../core/errors.js';
import type { BatchSampler as BatchSource } from '../../core/sampler.js';
import type { DatasetFacts } from './dataset-facts.js';
import { samplerName } from './fast-forward.js';

/** @throws {@link CapabilityError} naming a sampler that cannot be resumed anywhere on any ranks */
export function checkElasticSampler(source: BatchSource): void {
  const stage = samplerName(source) ?? 'The sampler';
  if (source.elastic !== true)
    throw notElastic(stage, 'has an order that depends on the ranks, or does not declare otherwise');
  if (source.seekable !== true) throw notElastic(stage, 'cannot start at an arbitrary position');
}

/** @throws {@link CapabilityError} naming a stream that is read again from its start */
export function checkElasticStream({ seekable }: DatasetFacts, stage: string): void {
  if (!seekable) throw notElastic(stage, 'is a stream without a state, which is read again from its start');
}

/** @throws {@link CapabilityError} naming the sampler, when a state that is not its own may be one of other ranks */
export function refuseOtherRanks(source: BatchSource): void {
  if (source.elastic !== false) return;
  throw notElastic(
    samplerName(source) ?? 'The sampler',
    'has an order that depends on rank and world size, and the state comes from others',
  );
}

/** The error for a sampler or dataset that cannot compute when a sample is seen. */
export function cannotSay(stage: string): CapabilityError {
  return new CapabilityError(`${stage} cannot compute when a sample is seen`, {
    where: { stage },
    next: 'Samplers that compute their order can; your own sampler needs whenSeen(sample, options).',
  });
}

function notElastic(stage: string, why: string): CapabilityError {
  return new CapabilityError(`${stage} cannot be resumed on other ranks: it ${why}`, {
    where: { stage },
    next:
      'Use a sampler that computes one order for all ranks (rank and worldSize of the loader divide it), or a stream with ' +
      'stateDict() and seekable: true.',
  });
}
