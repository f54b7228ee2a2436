import { CapabilityError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import type { Sampler } from '../../core/sampler.js';
import { BatchSizeRamp } from '../../curriculum/batch-size-ramp.js';
import type { BatchSizeStage } from '../../curriculum/batch-size-stages.js';
import type { MixtureAmendment, MixtureDataset } from '../../datasets/mixture-dataset.js';
import type { BatchSampler } from '../../samplers/index.js';
import type { ResolvedOptions } from '../data-loader-options.js';
import type { AmendedOrder, LoadedSource, LoaderOrder } from '../order/loader-order.js';
import { amendProblem, readAmendment } from './amendment.js';
import { Amendments } from './amendments.js';

/** The loader before its first amendment. */
export interface AmendedBase {
  readonly source: LoadedSource;
  readonly options: ResolvedOptions;
  readonly order: LoaderOrder;
  /** Makes the order of an amended run. */
  readonly orderOf: (source: LoadedSource, amended: AmendedOrder) => LoaderOrder;
}

/** How the samples of a loader form global batches before its first amendment. */
interface BaseBatches {
  readonly sampler: Sampler;
  readonly schedule: readonly BatchSizeStage[];
  readonly dropLast: boolean;
}

/**
 * A run that changes: the order of a loader, composed of segments. Each segment continues with the next sample of every source. The
 * segments are stages of the parts that an order has anyway (batch sizes by global step, shares by sample of the run), so every
 * question costs what it costs without amendments, plus O(log amendments).
 */
export class AmendedRun {
  readonly #base: AmendedBase;
  readonly #batches: BaseBatches;
  #amendments = new Amendments();
  #order: LoaderOrder;
  #source: LoadedSource;

  /** @throws {@link CapabilityError} if the order of the loader cannot continue at an arbitrary sample */
  constructor(base: AmendedBase) {
    this.#base = base;
    this.#order = base.order;
    this.#source = base.source;
    this.#batches = baseBatches(base);
  }

  /** The order with all amendments. */
  get order(): LoaderOrder {
    return this.#order;
  }

  /** What the loader reads: the dataset with all amendments. */
  get source(): LoadedSource {
    return this.#source;
  }

  /**
   * Changes the run from a global step on.
   *
   * @param next - The first global step that can still change.
   * @throws {@link ConfigError} naming the field at fault; the run then stays as it was
   */
  amend(amendment: unknown, next: number): void {
    this.#become(this.#amendments.with(readAmendment(amendment, next)));
  }

  /** The error of an amendment while the consumer holds leases: their batches might have to change. */
  unacknowledged(leases: number): CapabilityError {
    return new CapabilityError(`${leases} leases are not acknowledged, so the run cannot be amended now`, {
      where: { leases },
      next: 'Acknowledge them, then amend.',
    });
  }

  /**
   * Continues a run from its state: takes its amendments if this loader has none of its own.
   *
   * @param saved - Amendments of the state.
   * @param placeIn - Returns the global step of the state in an order.
   * @throws {@link StateMismatchError} if this loader was amended differently before that step
   */
  adopt(saved: JsonObject | undefined, placeIn: (order: LoaderOrder) => number): void {
    const amendments = Amendments.fromJson(saved ?? {});
    if (this.#amendments.changes.length === 0) this.#become(amendments);
    else this.#amendments.checkPast(amendments, placeIn(this.#order));
  }

  #become(amendments: Amendments): void {
    const { order, orderOf } = this.#base;
    const batchSampler = this.#batchSampler(amendments);
    const source = this.#amendedSource(amendments, batchSampler);
    const { identity } = order;
    this.#order = orderOf(source, { batchSampler, identity, amendments: amendments.json() });
    this.#source = source;
    this.#amendments = amendments;
  }

  #batchSampler(amendments: Amendments): BatchSizeRamp {
    const { sampler, schedule: base, dropLast } = this.#batches;
    const changes = amendments.of('batchSize');
    const first = changes[0]?.at ?? Number.POSITIVE_INFINITY;
    const schedule = [
      ...base.filter(({ step }) => step < first),
      ...changes.map(({ at, value }) => ({ step: at, batchSize: value[0] as number })),
    ];
    return new BatchSizeRamp(sampler, { schedule, dropLast });
  }

  #amendedSource(amendments: Amendments, { stages }: BatchSizeRamp): LoadedSource {
    const { source, options, order } = this.#base;
    const changes = amendments.of('weights');
    if (changes.length > 0) checkMixture(source, order.datasetName, this.#batches.sampler);
    if (!isMixture(source)) return source;
    const weights = changes.map(({ at, value }): MixtureAmendment => {
      checkWeights(value as readonly number[], source);
      const place = stages.stepAt(at);
      if (!place) throw amendProblem('at', `is ${at}, but the run has no step any more before that`);
      const { position } = stages.batchAt(place.epoch, stages.stagesOf(place.epoch), place.step);
      return { start: place.epoch * source.length + position, weights: value as readonly number[] };
    });
    const resized = amendments.of('batchSize')[0];
    if (resized) checkSchedule(source, resized.at, options.batchSize ?? 1, changes[0]?.at);
    return weights.length === 0 ? source : source.amended(weights);
  }
}

/** Does not name the class: a bundler would then load it with the core. */
function isMixture(source: LoadedSource): source is MixtureDataset<unknown> {
  return typeof (source as Partial<MixtureDataset<unknown>>).amended === 'function';
}

/** @throws {@link CapabilityError} naming what cannot be amended */
function baseBatches({ options, order }: AmendedBase): BaseBatches {
  const { batchSampler } = order;
  const refuse = (stage: string, why: string, next: string): CapabilityError =>
    new CapabilityError(`${stage} ${why}`, { where: { stage }, next });
  if (!batchSampler) {
    const why = 'is a stream, whose order is known only by reading: it cannot be amended';
    throw refuse(order.datasetName, why, 'Open the data as a map-style dataset.');
  }
  if (options.uneven !== 'repeat') {
    const why = `with uneven: '${options.uneven}' is for evaluation and cannot be amended`;
    throw refuse('A loader', why, 'Leave out uneven.');
  }
  const { sampler, batchSize, schedule, dropLast } = batchSampler as Partial<BatchSampler & BatchSizeRamp>;
  if (!sampler || dropLast === undefined) {
    const why = 'makes the global batches itself, so that they cannot be amended';
    throw refuse(batchSampler.constructor.name, why, 'Pass a sampler and batchSize.');
  }
  if (!sampler.seek || sampler.stateDict || sampler.batchSize !== undefined) {
    const why =
      sampler.batchSize === undefined
        ? 'draws its order or cannot seek: an amended run needs a computed order'
        : 'counts its steps in global batches of one size: it cannot be amended';
    throw refuse(sampler.constructor.name, why, 'Use shuffle: true, or a sampler that computes its order.');
  }
  return { sampler, schedule: schedule ?? [{ step: 0, batchSize: batchSize! }], dropLast };
}

/** @throws {@link ConfigError} if there are no weights to change, or a loader that shuffles would change them too early */
function checkMixture(source: LoadedSource, name: string, sampler: Sampler): void {
  if (!isMixture(source)) {
    const message = `needs a MixtureDataset as the dataset of the loader, not ${name}`;
    throw amendProblem('weights', message);
  }
  if (sampler.isSequential) return;
  const message = `needs a loader that reads the mixture in order: leave out ${sampler.constructor.name}, the mixture is shuffled already`;
  throw amendProblem('weights', message);
}

function checkWeights(weights: readonly number[], { datasets }: MixtureDataset<unknown>): void {
  if (weights.length !== datasets.length)
    throw amendProblem('weights', `has ${weights.length} numbers for ${datasets.length} sources`);
  const empty = weights.findIndex((weight, source) => weight > 0 && datasets[source]!.length === 0);
  if (empty >= 0)
    throw amendProblem(`weights.${empty}`, `is ${weights[empty]}, but that source has no samples`);
}

/** @throws {@link ConfigError} if a schedule in the mixture would go on in steps of another size */
function checkSchedule(mixture: MixtureDataset<unknown>, at: number, size: number, weightsAt?: number): void {
  if (mixture.scheduledBatchSize === undefined || (weightsAt ?? Number.POSITIVE_INFINITY) <= at) return;
  const later = mixture.scheduleStarts.find((start) => start > at * size);
  if (later === undefined) return;
  const message = `would move the stage of the mixture's schedule at step ${later / size}: pass weights too, which replace the rest of the schedule`;
  throw amendProblem('batchSize', message);
}
