import { CapabilityError } from '../../core/errors.js';
import type { Sampler } from '../../core/sampler.js';
import type { BatchSizeRamp } from '../../curriculum/batch-size-ramp.js';
import type { BatchSizeStage } from '../../curriculum/batch-size-stages.js';
import type { BatchSampler } from '../../samplers/index.js';
import type { LoaderOrder } from '../order/loader-order.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { amendProblem } from './amendment.js';
import { SegmentedSampler } from './segmented-sampler.js';

/** How the samples of a loader form global batches before its first amendment. */
export interface BaseBatches {
  readonly sampler: Sampler;
  readonly schedule: readonly BatchSizeStage[];
  readonly dropLast: boolean;
}

/** @throws {@link CapabilityError} naming what cannot be amended */
export function baseBatches({
  options,
  order,
}: {
  options: ResolvedOptions;
  order: LoaderOrder;
}): BaseBatches {
  const { batchSampler } = order;
  if (!batchSampler) {
    const why = 'is a stream, whose order is known only by reading: it cannot be amended';
    throw refusal(order.datasetName, why, 'Open the data as a map-style dataset.');
  }
  if (options.uneven !== 'repeat') {
    const why = `with uneven: '${options.uneven}' is for evaluation and cannot be amended`;
    throw refusal('A loader', why, 'Leave out uneven.');
  }
  const { sampler, batchSize, schedule, dropLast } = batchSampler as Partial<BatchSampler & BatchSizeRamp>;
  if (!sampler || dropLast === undefined) {
    const why = 'makes the global batches itself, so that they cannot be amended';
    throw refusal(batchSampler.constructor.name, why, 'Pass a sampler and batchSize.');
  }
  const problem = samplerProblem(sampler);
  if (problem) {
    const next = 'Use shuffle: true, or a sampler that computes its order.';
    throw refusal(sampler.constructor.name, problem, next);
  }
  return { sampler, schedule: schedule ?? [{ step: 0, batchSize: batchSize! }], dropLast };
}

/** Why an amended run cannot use a sampler. */
export function samplerProblem({ seek, stateDict }: Sampler): string | undefined {
  if (!seek || stateDict) return 'draws its order or cannot seek: an amended run needs a computed order';
  return undefined;
}

/**
 * Checks that a sampler that counts its steps in global batches of one size, as a curriculum does, gets batches of that size.
 *
 * @param field - The field of the amendment that is at fault.
 * @throws {@link ConfigError} naming the sampler and both sizes
 */
export function checkOneSize(sampler: Sampler, schedule: readonly BatchSizeStage[], field: string): void {
  const samplers = sampler instanceof SegmentedSampler ? sampler.samplers : [sampler];
  for (const each of samplers) {
    const other = schedule.find(({ batchSize }) => batchSize !== (each.batchSize ?? batchSize));
    if (!other) continue;
    const message =
      `${each.constructor.name} counts its steps in global batches of ${each.batchSize} samples, and the run has batches of ` +
      `${other.batchSize} from step ${other.step} on: its schedule would move`;
    throw amendProblem(field, message);
  }
}

function refusal(stage: string, why: string, next: string): CapabilityError {
  return new CapabilityError(`${stage} ${why}`, { where: { stage }, next });
}
