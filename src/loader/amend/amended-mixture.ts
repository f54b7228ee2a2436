import type { Dataset } from '../../core/dataset.js';
import type { Sampler } from '../../core/sampler.js';
import { datasetFingerprint } from '../../datasets/dataset-fingerprint.js';
import type { MixtureDataset } from '../../datasets/mixture-dataset.js';
import type { MixtureAmendments } from '../../datasets/mixture-options.js';
import type { LoadedSource } from '../order/loader-order.js';
import { amendProblem, type ReadAmendment } from './amendment.js';
import type { Amendments, Change } from './amendments.js';
import { grownBefore, growthProblem } from './growth.js';
import { isMixture } from './is-mixture.js';

type Mixture = MixtureDataset<unknown>;

/**
 * The change to other sources.
 *
 * @throws {@link ConfigError} naming the source that shrinks, or changes otherwise than by growing at its end
 */
export function sourcesChange(
  amendments: Amendments,
  mixture: LoadedSource,
  name: string,
  { at, sources = [], newSamples }: ReadAmendment,
): Change<'sources'> {
  if (!isMixture(mixture))
    throw amendProblem('sources', `needs a MixtureDataset as the dataset of the loader, not ${name}`);
  const before = grownBefore(amendments, 'sources', at)?.datasets ?? mixture.datasets;
  if (sources.length < before.length)
    throw amendProblem(
      'sources',
      `has ${sources.length} sources of ${before.length}: give an unused one weight 0`,
    );
  const grown = sources.flatMap((dataset, source) => {
    const old = before[source];
    const problem = old && growthProblem(old, dataset);
    if (problem) throw amendProblem(`sources.${source}`, problem);
    const identity = datasetFingerprint(dataset);
    if (old && datasetFingerprint(old) === identity) return [];
    const { length } = dataset;
    return [{ identity, growth: { source, before: old?.length ?? length, length, mode: newSamples } }];
  });
  if (grown.length === 0) throw amendProblem('sources', 'are those of the run: none has grown or was added');
  return {
    at,
    kind: 'sources',
    value: grown.flatMap(({ identity, growth }) => [
      ...[growth.source, growth.before, growth.length, identity.slice(0, 12), growth.mode],
    ]),
    object: { datasets: sources, growths: grown.map(({ growth }) => growth) },
  };
}

/** The sources after all amendments. */
function sourcesAt({ datasets }: Mixture, amendments: Amendments): readonly Dataset<unknown>[] {
  return amendments.of('sources').at(-1)?.object?.datasets ?? datasets;
}

/** What the loader has for the mixture before its first amendment. */
export interface MixtureBase {
  readonly sampler: Sampler;
  readonly batchSize: number;
  /** The sample of the run with which a global step begins. */
  readonly startOf: (at: number) => number;
}

/** The mixture with all amendments. @throws {@link ConfigError} naming the field at fault */
export function amendedMixture(
  mixture: Mixture,
  amendments: Amendments,
  { sampler, batchSize, startOf }: MixtureBase,
): Mixture {
  const [changes, growing] = [amendments.of('weights'), amendments.of('sources')];
  const datasets = sourcesAt(mixture, amendments);
  const resized = amendments.of('batchSize')[0];
  if (resized) checkSchedule(mixture, resized.at, batchSize, changes[0]?.at);
  if (changes.length === 0 && growing.length === 0) return mixture;
  if (!sampler.isSequential) {
    const message = `needs a loader that reads the mixture in order: leave out ${sampler.constructor.name}, the mixture is shuffled already`;
    throw amendProblem(changes.length > 0 ? 'weights' : 'sources', message);
  }
  const weights = changes.map(({ at, value }) => {
    const known = growing.findLast((change) => change.at <= at)?.object?.datasets ?? mixture.datasets;
    checkWeights(value, known.length, datasets);
    return { start: startOf(at), weights: value };
  });
  const growths = growing.flatMap(({ at, object }) => {
    const start = startOf(at);
    return (object?.growths ?? []).map((growth) => ({ start, ...growth }));
  });
  return mixture.amended(datasets, { weights, growths } satisfies MixtureAmendments);
}

function checkWeights(
  weights: readonly number[],
  known: number,
  datasets: readonly Dataset<unknown>[],
): void {
  if (weights.length !== known)
    throw amendProblem('weights', `has ${weights.length} numbers for ${known} sources`);
  const empty = weights.findIndex((weight, source) => weight > 0 && datasets[source]!.length === 0);
  if (empty >= 0)
    throw amendProblem(`weights.${empty}`, `is ${weights[empty]}, but that source has no samples`);
}

/** @throws {@link ConfigError} if a schedule in the mixture would continue in steps of another size */
function checkSchedule(mixture: Mixture, at: number, size: number, weightsAt?: number): void {
  if (mixture.scheduledBatchSize === undefined || (weightsAt ?? Number.POSITIVE_INFINITY) <= at) return;
  const later = mixture.scheduleStarts.find((start) => start > at * size);
  if (later === undefined) return;
  const message = `would move the stage of the mixture's schedule at step ${later / size}: pass weights too, which replace the rest of the schedule`;
  throw amendProblem('batchSize', message);
}
