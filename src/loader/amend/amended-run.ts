import type { Dataset } from '../../core/dataset.js';
import { CapabilityError, StateMismatchError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import type { Sampler } from '../../core/sampler.js';
import { BatchSizeRamp } from '../../curriculum/batch-size-ramp.js';
import type { BatchSizeStages } from '../../curriculum/batch-size-stages.js';
import type { AmendedOrder, LoadedSource, LoaderOrder } from '../order/loader-order.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { amendedMixture, sourcesChange } from './amended-mixture.js';
import { amendedSamplers, dataChange, samplerChange } from './amended-samplers.js';
import { amendProblem, type ReadAmendment, readAmendment } from './amendment.js';
import { Amendments, type Change } from './amendments.js';
import { type BaseBatches, baseBatches, checkOneSize } from './base-batches.js';
import { isMixture } from './is-mixture.js';
import { placeOf } from './place-of.js';
import { type Rearrangement, rearrangementOf } from './rearrangement.js';
import { SegmentedSampler } from './segmented-sampler.js';
import { withSequenceLengths } from './sequence-length.js';

/** The loader before its first amendment. */
export interface AmendedBase {
  readonly source: LoadedSource;
  readonly options: ResolvedOptions;
  readonly order: LoaderOrder;
  /** Makes the order of an amended run. */
  readonly orderOf: (source: LoadedSource, amended: AmendedOrder) => LoaderOrder;
  /** Makes the sampler that the options of the loader select, for data of another length. */
  readonly samplerOf: (dataset: { readonly length: number }) => Sampler;
}

/**
 * A run that changes: the order of a loader, composed of segments. Each segment continues with the next sample of every source. The
 * segments are stages of the parts that an order has anyway (batch sizes by global step, samplers by epoch, shares and passes by sample
 * of the run), so every question costs what it costs without amendments, plus O(amendments).
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

  /** A run with the same amendments in another loader of the same data. */
  repeatedIn(base: AmendedBase): AmendedRun {
    const run = new AmendedRun(base);
    run.#become(this.#amendments);
    return run;
  }

  /** The order with all amendments. */
  get order(): LoaderOrder {
    return this.#order;
  }

  /** What the loader reads: the dataset with all amendments. */
  get source(): LoadedSource {
    return this.#source;
  }

  /** The sampler that amendments have given an epoch; `undefined` if none has. */
  samplerOf(epoch: number): Sampler | undefined {
    const { sampler } = this.#order.batchSampler as BatchSizeRamp;
    return sampler instanceof SegmentedSampler ? sampler.samplerOf(epoch) : undefined;
  }

  /** What makes the dataset from the data of an earlier one; `undefined` if it reads other data. */
  rearrangement(earlier: LoadedSource): Rearrangement | undefined {
    return rearrangementOf(earlier, this.#source);
  }

  /**
   * Changes the run from a global step on.
   *
   * @param next - The first global step that can still change.
   * @throws {@link ConfigError} naming the field at fault; the run then stays as it was
   */
  amend(amendment: unknown, next: number): void {
    const read = readAmendment(amendment, next);
    this.#become(this.#amendments.with(this.#changesOf(read)));
  }

  /** The error of an amendment while the consumer holds leases: their batches might have to change. */
  unacknowledged(leases: number): CapabilityError {
    return new CapabilityError(`${leases} leases are not acknowledged, so the run cannot be amended now`, {
      where: { leases },
      next: 'Acknowledge them, then amend.',
    });
  }

  /**
   * Continues a run from its state. Takes weights, batch sizes and sequence lengths from it, unless this loader has amendments of these
   * kinds. Datasets and samplers are not in a state: the loader must have been amended with them.
   *
   * @param saved - Amendments of the state.
   * @param placeIn - Returns the global step of the state in an order.
   * @throws {@link StateMismatchError} if this loader was amended differently before that step
   */
  adopt(saved: JsonObject | undefined, placeIn: (order: LoaderOrder) => number): void {
    const [own, theirs] = [this.#amendments, Amendments.fromJson(saved ?? {})];
    if (own.only('values').changes.length > 0) {
      own.checkPast(theirs, placeIn(this.#order));
      return;
    }
    const missing = theirs.only('objects').changes[0];
    if (missing && own.changes.length === 0) throw withoutObject(missing);
    this.#become(own.with(theirs.only('values').changes));
    try {
      this.#amendments.checkPast(theirs, placeIn(this.#order));
    } catch (error) {
      this.#become(own);
      throw error;
    }
  }

  #changesOf(amendment: ReadAmendment): Change[] {
    const { at, weights, batchSize, sequenceLength, sources, data, sampler } = amendment;
    const { source, order } = this.#base;
    const changes: Change[] = [];
    if (weights) changes.push({ at, kind: 'weights', value: weights });
    if (batchSize !== undefined) changes.push({ at, kind: 'batchSize', value: [batchSize] });
    if (sequenceLength !== undefined) changes.push({ at, kind: 'sequenceLength', value: [sequenceLength] });
    if (sources) changes.push(sourcesChange(this.#amendments, source, order.datasetName, amendment));
    if (data) changes.push(dataChange(this.#amendments, source as Dataset<unknown>, amendment));
    if (sampler) changes.push(samplerChange(sampler, at));
    return changes;
  }

  #become(amendments: Amendments): void {
    const { order, orderOf } = this.#base;
    const { batchSampler, dataset } = this.#batchSampler(amendments);
    const source = withSequenceLengths(
      this.#amendedSource(amendments, dataset, batchSampler.stages),
      amendments.of('sequenceLength'),
    );
    const { identity } = order;
    this.#order = orderOf(source, { batchSampler, identity, amendments: amendments.json() });
    this.#source = source;
    this.#amendments = amendments;
  }

  /** The global batches, and the data after its last growth. */
  #batchSampler(amendments: Amendments): { batchSampler: BatchSizeRamp; dataset: LoadedSource } {
    const { sampler: first, schedule: base, dropLast } = this.#batches;
    const changes = amendments.of('batchSize');
    const firstChange = changes[0]?.at ?? Number.POSITIVE_INFINITY;
    const schedule = [
      ...base.filter(({ step }) => step < firstChange),
      ...changes.map(({ at, value: [batchSize] }) => ({ step: at, batchSize })),
    ];
    const { source, samplerOf, options, order } = this.#base;
    const batches = { schedule, dropLast };
    const { sampler, dataset } = amendedSamplers(amendments, {
      ...batches,
      first,
      source,
      samples: order.datasetLength,
      samplerOf,
      options,
    });
    checkOneSize(sampler, schedule, changes.length > 0 ? 'batchSize' : 'sampler');
    return { batchSampler: new BatchSizeRamp(sampler, batches), dataset };
  }

  #amendedSource(amendments: Amendments, dataset: LoadedSource, stages: BatchSizeStages): LoadedSource {
    const { options, order } = this.#base;
    const [weights, sources] = [amendments.of('weights'), amendments.of('sources')];
    if (weights.length === 0 && sources.length === 0 && !isMixture(dataset)) return dataset;
    if (!isMixture(dataset)) {
      const message = `needs a MixtureDataset as the dataset of the loader, not ${order.datasetName}`;
      throw amendProblem(weights.length > 0 ? 'weights' : 'sources', message);
    }
    return amendedMixture(dataset, amendments, {
      sampler: this.#batches.sampler,
      batchSize: options.batchSize ?? 1,
      startOf: (at) => {
        const { epoch, position } = placeOf(stages, at);
        return epoch * dataset.length + position;
      },
    });
  }
}

function withoutObject({ at, kind }: Change): StateMismatchError {
  return new StateMismatchError(
    `The run was amended at global step ${at} with other ${kind}, which this loader lacks`,
    {
      where: { field: 'amendments', step: at },
      next: `A state does not hold datasets and samplers: await loader.amend({ at: ${at}, ${kind}: … }) before it loads the state.`,
    },
  );
}
