import { type Dataset, isMapDataset } from '../../core/dataset.js';
import { lastOf } from '../../core/last-of.js';
import type { Sampler } from '../../core/sampler.js';
import { type BatchSizeStage, BatchSizeStages } from '../../curriculum/batch-size-stages.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';
import type { LoadedSource } from '../order/loader-order.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { amendProblem, type ReadAmendment } from './amendment.js';
import type { Amendments, Change } from './amendments.js';
import { samplerProblem } from './base-batches.js';
import { grownBefore, growthProblem } from './growth.js';
import { isMixture } from './is-mixture.js';
import { placeOf } from './place-of.js';
import {
  type ComputedSampler,
  InterleavedSampler,
  type SamplerSegment,
  SegmentedSampler,
} from './segmented-sampler.js';

/** The change to data that has grown. @throws {@link ConfigError} if it shrinks, or changes otherwise than by growing at its end */
export function dataChange(
  amendments: Amendments,
  source: Dataset<unknown>,
  { at, data, newSamples }: ReadAmendment,
): Change<'data'> {
  const before = grownBefore(amendments, 'data', at)?.dataset ?? source;
  if (isMixture(before)) throw amendProblem('data', 'is for a loader without a mixture: pass sources');
  if (!isMapDataset(before))
    throw amendProblem('data', 'needs a dataset in this thread, not the URL of a module');
  const problem = growthProblem(before, data!);
  if (problem) throw amendProblem('data', problem);
  const value = [data!.length, datasetFingerprint(data!).slice(0, 12), newSamples];
  return { at, kind: 'data', value, object: { dataset: data!, mode: newSamples } };
}

/** The change to another sampler. @throws {@link ConfigError} if an amended run cannot use it */
export function samplerChange(sampler: Sampler, at: number): Change<'sampler'> {
  const problem = samplerProblem(sampler);
  if (problem) throw amendProblem('sampler', `${sampler.constructor.name} ${problem}`);
  const identity = sampler.fingerprint?.() ?? sampler.constructor.name;
  return { at, kind: 'sampler', value: [identity.slice(0, 12)], object: sampler };
}

/** The loader before its first amendment, and its batch sizes with all of them. */
export interface SamplerBase {
  readonly first: Sampler;
  readonly source: LoadedSource;
  /** Samples of it. */
  readonly samples: number;
  readonly options: ResolvedOptions;
  readonly samplerOf: (dataset: { readonly length: number }) => Sampler;
  readonly schedule: readonly BatchSizeStage[];
  readonly dropLast: boolean;
}

/** The order of samples with all amendments, epoch by epoch, and the data after the last of them. @throws {@link ConfigError} */
export function amendedSamplers(
  amendments: Amendments,
  { first, source, samples: ofSource, options, samplerOf, schedule, dropLast }: SamplerBase,
): { readonly sampler: Sampler; readonly dataset: LoadedSource } {
  const changes = amendments.changes.filter((change) => change.kind === 'data' || change.kind === 'sampler');
  if (changes.length === 0) return { sampler: first, dataset: source };
  let segments: SamplerSegment[] = [{ epoch: 0, sampler: first, samples: ofSource }];
  let dataset = source;
  /** Samples of the data, and the sampler that replaced the one of the options. */
  let [length, own] = [ofSource, options.sampler];
  for (const change of changes) {
    const { at } = change;
    const samples = new SegmentedSampler(segments).epochSamples;
    const { epoch, step, position } = placeOf(new BatchSizeStages(schedule, samples, dropLast), at);
    const before = lastOf(segments, (segment) => segment.epoch <= epoch).sampler;
    const from = step === 0 ? epoch : epoch + 1;
    if (change.kind === 'sampler') {
      if (step > 0)
        throw midEpoch(at, at - step, new BatchSizeStages(schedule, samples, dropLast).startOf(from));
      // Only a change that was read from a state lacks its object, and it is not applied.
      own = change.object!;
      segments = withSegment(segments, { epoch: from, sampler: own, samples: length });
      continue;
    }
    if (own)
      throw amendProblem(
        'data',
        `grows, but ${own.constructor.name} was made for ${length} samples: pass shuffle instead`,
      );
    const { dataset: data, mode } = change.object!;
    const grown = samplerOf(data);
    const interleaves = mode === 'interleaved' && step > 0;
    [dataset, length] = [data, data.length];
    if (interleaves) segments = [...segments, interleaved(before, grown, samplerOf, { epoch, position })];
    segments = withSegment(segments, { epoch: from, sampler: grown, samples: length });
  }
  return { sampler: new SegmentedSampler(segments), dataset };
}

/** A segment from an epoch on, instead of those that begin there or later. */
function withSegment(segments: readonly SamplerSegment[], added: SamplerSegment): SamplerSegment[] {
  return [...segments.filter(({ epoch }) => epoch < added.epoch), added];
}

function interleaved(
  old: Sampler,
  grown: Sampler,
  samplerOf: SamplerBase['samplerOf'],
  place: { readonly epoch: number; readonly position: number },
): SamplerSegment {
  const { epoch } = place;
  const added = samplerOf({ length: grown.length - old.length });
  if (isComputed(old) && isComputed(added))
    return { epoch, sampler: new InterleavedSampler(old, added, place), samples: grown.length };
  throw amendProblem(
    'newSamples',
    `cannot be 'interleaved' in the order of ${old.constructor.name}: pass 'after'`,
  );
}

function isComputed(sampler: Sampler): sampler is ComputedSampler {
  return 'orderOf' in sampler;
}

function midEpoch(at: number, before: number, after: number) {
  const message = `is ${at}, inside an epoch, whose samples the new sampler would not continue: an epoch begins at step ${before} and at step ${after}`;
  return amendProblem('at', message);
}
