import { CapabilityError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import type { BatchSampler as BatchSource } from '../../core/sampler.js';
import type { TorchGenerator } from '../../random/index.js';
import type { MapEpochPlan, PassStart } from './epoch-plan.js';
import { samplerName, warnOfFastForward } from './fast-forward.js';

/** The state that a sampler had in an epoch. */
interface KnownState {
  readonly epoch: number;
  readonly state: JsonObject;
  /** Whether part of the epoch was yielded before. */
  readonly midway: boolean;
}

type StatefulSource = BatchSource & {
  readonly [K in 'stateDict' | 'loadStateDict']: NonNullable<BatchSource[K]>;
};

function isStateful(source: BatchSource): source is StatefulSource {
  return source.stateDict !== undefined && source.loadStateDict !== undefined;
}

/**
 * Moves a sampler with a state to the start of any pass. Its epochs follow from one another, so an epoch out of turn
 * is reached from the earliest known state: the epochs between are drawn and dropped.
 */
export class SamplerPasses {
  readonly #source: BatchSource;
  /** The generator from which the loader draws a base seed before each pass. */
  readonly #generator: TorchGenerator | undefined;
  /** The epoch that the sampler yields next unless it is moved; `undefined` while a restored state is pending. */
  #next: number | undefined = 0;
  #earliest: KnownState | undefined;
  #restored: KnownState | undefined;
  #plan: MapEpochPlan | undefined;

  constructor(source: BatchSource, generator: TorchGenerator | undefined) {
    this.#source = source;
    this.#generator = generator;
  }

  /** Whether the sampler has a state; one without is a function of its epoch. */
  get isStateful(): boolean {
    return isStateful(this.#source);
  }

  /**
   * Makes the next pass continue from a state of the sampler.
   *
   * @param sameRun - Whether the state is from this run, so that earlier states still lead to it.
   */
  restore({ epoch, batch, ahead }: PassStart, state: JsonObject, sameRun: boolean): void {
    this.#source.loadStateDict?.(state);
    this.#restored = { epoch, state, midway: batch > 0 || ahead.length > 0 };
    if (!sameRun || !this.#earliest) this.#earliest = this.#restored;
    this.#next = undefined;
    this.#plan = undefined;
  }

  /**
   * Moves the sampler to the start of a pass.
   *
   * @returns its state there, if it has one
   * @throws {@link CapabilityError} if the epoch precedes the earliest known state
   */
  open({ epoch, samplerRestored, isSought }: PassStart): JsonObject | undefined {
    const source = this.#source;
    if (!isStateful(source)) return undefined;
    const restored = samplerRestored ? this.#restored : undefined;
    if (restored) source.loadStateDict(restored.state);
    else if (epoch === this.#next && !(isSought && this.#plan && !this.#plan.isDrawn)) this.#finishPlan();
    else this.#reach(source, epoch);
    source.setEpoch?.(epoch);
    const state = restored?.state ?? source.stateDict();
    this.#earliest ??= { epoch, state, midway: false };
    this.#next = epoch + 1;
    return state;
  }

  /** Remembers the plan of the pass that {@link open} was called for. */
  follow(plan: MapEpochPlan): void {
    this.#plan = plan;
  }

  /**
   * After a pass that was left early, a sampler without `seek` is where drawing stopped, so the rest is drawn and
   * dropped.
   */
  #finishPlan(): void {
    if (!this.#source.seek) this.#plan?.drain();
    this.#plan = undefined;
  }

  #reach(source: StatefulSource, epoch: number): void {
    // A sampler that has not been moved is at the start of its next epoch.
    this.#earliest ??= { epoch: this.#next ?? 0, state: source.stateDict(), midway: false };
    const { epoch: first, state, midway } = this.#earliest;
    if (epoch < first || (epoch === first && midway && !source.seek)) throw this.#tooEarly(epoch, first);
    const started = performance.now();
    source.loadStateDict(state);
    for (let passed = first; passed < epoch; passed++) {
      source.setEpoch?.(passed);
      this.#generator?.randomInt64();
      for (const _ of source);
    }
    this.#plan = undefined;
    if (epoch > first) warnOfFastForward(source, epoch - first, 'epoch', performance.now() - started);
  }

  #tooEarly(epoch: number, first: number): CapabilityError {
    const stage = samplerName(this.#source) ?? 'The sampler';
    return new CapabilityError(
      `${stage} draws its epochs one after the other, and its earliest known state is of epoch ${first}`,
      {
        where: { stage, epoch },
        next: 'Load the state of an earlier epoch, or use a sampler that computes its order from a seed.',
      },
    );
  }
}
