import type { JsonObject } from '../../core/json.js';
import { SourceTotals } from '../../core/source-totals.js';
import type { Delivered } from '../engine/delivered.js';
import type { EpochPlan, PassStart } from '../order/epoch-plan.js';
import type { LoaderOrder } from '../order/loader-order.js';
import type { ResolvedOptions } from '../resolve-options.js';
import { EpochTally } from './epoch-tally.js';
import {
  checkIdentity,
  type LoaderState,
  readPosition,
  stateVersion,
  writePosition,
} from './loader-state.js';
import { PositionTracker } from './position-tracker.js';
import { type Receipt, writeReceipt } from './receipt.js';
import { ReceiptChain } from './receipt-chain.js';
import { type Replay, replayOf, warnOfReplay } from './replay.js';

/** What a loader has delivered, and where its next pass starts: the content of states and receipts. */
export class LoaderProgress {
  readonly #options: ResolvedOptions;
  readonly #position = new PositionTracker();
  readonly #receipt = new ReceiptChain();
  readonly #tally: EpochTally;
  /** Of the batches in the receipt, with provenance. */
  readonly #sources: SourceTotals | undefined;
  #order: LoaderOrder | undefined;
  /** The current pass. A pass that finds another one here has ended. */
  #pass: object | undefined;
  #isClosed = false;
  #onMoved: (() => void) | undefined;
  #held = 0;
  /** Whether the sampler has been moved, by its own state, to where the next pass starts. */
  #samplerRestored = false;
  #isSought = false;
  /** Whether the consumer waits for a batch. */
  #isAsked = false;
  #opening: Promise<void> | undefined;
  /** Whether the order has changed under the pass under way. */
  #isAmended = false;
  /** The batches of a stream that are read again before the first batch of the pass. */
  #replay: Replay | undefined;
  #plan: EpochPlan | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#tally = new EpochTally(options.maxFailures);
    this.#sources = options.provenance ? new SourceTotals() : undefined;
  }

  /** The order of the batches: known as soon as the dataset is. */
  follow(order: LoaderOrder): void {
    this.#order = order;
  }

  get epoch(): number {
    return this.#position.epoch;
  }

  /** Number, within the epoch, of the next batch. */
  get batch(): number {
    return this.#position.batch;
  }

  /** Batches after the next one that were delivered. */
  get aheadCount(): number {
    return this.#position.aheadCount;
  }

  /** Calls `listener` once the pass under way can deliver nothing more: another began, it failed, or the loader was closed or moved. */
  whenMoved(listener: () => void): void {
    this.#onMoved = listener;
  }

  /** A pass opens, and then requests its first batch. */
  open(opening: Promise<unknown>): void {
    const settled = (): void => {};
    this.#opening = opening.then(settled, settled);
  }

  /** After awaiting it, the pass that opened last has requested its first batch, or has failed to open. */
  get opening(): Promise<void> | undefined {
    return this.#opening;
  }

  /** Batches that were handed out and are not counted as delivered. */
  get heldCount(): number {
    return this.#held;
  }

  hold(change: 1 | -1): void {
    this.#held += change;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Makes `pass` the current one. */
  enter(pass: object): void {
    if (this.#pass !== pass) this.#move();
    this.#pass = pass;
  }

  /** The consumer has asked for the next batch. */
  ask(): void {
    this.#isAsked = true;
  }

  /** The first global step of which no batch was requested. */
  get nextStep(): number {
    const { epoch, batch } = this.#position.state(undefined);
    return this.#order!.globalStepAt(epoch, Math.max(batch + (this.#isAsked ? 1 : 0), this.#position.end));
  }

  /** Whether the pass under way must continue in an amended order. */
  get isAmended(): boolean {
    return this.#isAmended;
  }

  /** The order has changed from a step on of which no batch was requested: the pass under way continues in it. */
  amend(order: LoaderOrder): void {
    this.#order = order;
    this.#isAmended = this.#plan !== undefined;
  }

  isCurrent(pass: object): boolean {
    return this.#pass === pass;
  }

  /** Whether another pass has started since. */
  isSuperseded(pass: object): boolean {
    return this.#pass !== undefined && this.#pass !== pass;
  }

  leave(pass: object): void {
    if (this.#pass !== pass) return;
    this.#pass = undefined;
    this.#plan = undefined;
    this.#isAsked = false;
    this.#isAmended = false;
  }

  close(): void {
    this.#isClosed = true;
    this.#move();
  }

  /** Starts the next pass at a position. */
  seek(start: PassStart): void {
    this.#move();
    this.#samplerRestored = false;
    this.#isSought = true;
    this.#position.seek(start, null);
  }

  state(order: LoaderOrder): LoaderState {
    const { identity, batchSampler } = order;
    const { samplerState, ...start } = this.#position.state(order.plannedLength(this.#position.epoch));
    return {
      version: stateVersion,
      ...writePosition(start, this.#options.gradientAccumulationSteps),
      receipt: this.#receipt.state(),
      samplerState: samplerState ?? batchSampler?.stateDict?.() ?? null,
      ...identity,
      ...(order.amendments && { amendments: order.amendments }),
    };
  }

  /**
   * Continues from a saved state.
   *
   * @param adopt - Takes the amendments of the state.
   * @throws {@link StateMismatchError} if it belongs to another loader; {@link StateMismatchError} of `adopt`
   */
  load(saved: LoaderState, { identity }: LoaderOrder, adopt: () => void): void {
    checkIdentity(saved, identity);
    const start = readPosition(saved, this.#options.gradientAccumulationSteps);
    adopt();
    this.#move();
    this.#continueFrom(start, saved.samplerState, false);
    this.#receipt.load(saved.receipt);
    this.#sources?.clear();
  }

  receipt({ identity, amendments }: LoaderOrder): Receipt {
    return writeReceipt(this.#receipt, identity, { amendments, sources: this.#sources?.list() });
  }

  /** Plans the epoch of a pass, from where the previous pass or a state left off. */
  begin(order: LoaderOrder): EpochPlan {
    order.refuseEmpty();
    if (this.#isAmended) {
      const { samplerState, ...place } = this.#position.state(undefined);
      this.#position.seek(place, samplerState);
    }
    const start = {
      ...this.#position.begin(),
      samplerRestored: this.#samplerRestored,
      isSought: this.#isSought,
    };
    this.#samplerRestored = false;
    this.#isSought = false;
    this.#position.beginSampler(order.passes?.open(start), order.batchSampler?.seek !== undefined);
    // An amended pass continues where it was.
    if (!this.#isAmended) {
      this.#tally.begin(start);
      this.#receipt.begin(this.#options, start, (epoch) => order.plannedLength(epoch));
    }
    this.#isAmended = false;
    if (!order.batchSampler) this.#replay = replayOf(start);
    this.#plan = order.plan(start);
    return this.#plan;
  }

  /**
   * Receives the next result of the pass.
   *
   * @returns whether it is for the consumer: not the end of a shard, and not delivered before
   * @throws {@link SampleError} if 100 batches in a row have no sample that could be made
   */
  accept(delivered: Delivered): boolean {
    this.#isAsked = false;
    this.#tally.count(delivered.result);
    if (!this.#position.accept(delivered)) return false;
    if (this.#replay && this.#order) warnOfReplay(this.#replay, this.#order.datasetName);
    this.#replay = undefined;
    return true;
  }

  /** Counts an accepted result as delivered. */
  deliver(delivered: Delivered): void {
    this.#position.deliver(delivered);
    const { planned, result } = delivered;
    const { task } = planned;
    if (this.#sources && result.type === 'batch') this.#sources.add(result.origin ?? []);
    this.#receipt.deliver(task.type === 'indices' ? task.batch : this.#position.batch - 1, task);
  }

  /** Ends an epoch of which every batch was delivered. @throws the errors of {@link EpochTally.end} */
  completeEpoch(): void {
    if (this.#order)
      this.#tally.end(this.#order.datasetName, !this.#order.batchSampler, this.#options.dropLast ?? false);
    this.#position.endEpoch(this.#plan?.endState);
    this.#receipt.completeEpoch();
  }

  /** Makes the next pass continue with the batch that failed. */
  recover(): void {
    const { samplerState, ...start } = this.#position.state(undefined);
    this.#endHolding();
    this.#continueFrom(start, samplerState, true);
  }

  #move(): void {
    this.#pass = undefined;
    this.#plan = undefined;
    this.#isAsked = false;
    this.#isAmended = false;
    this.#endHolding();
  }

  /** Batches that were handed out and not counted as delivered never will be. */
  #endHolding(): void {
    const moved = this.#onMoved;
    this.#onMoved = undefined;
    this.#held = 0;
    moved?.();
  }

  #continueFrom(start: PassStart, samplerState: JsonObject | null, sameRun: boolean): void {
    this.#isSought = false;
    this.#samplerRestored = samplerState !== null && this.#order?.batchSampler?.loadStateDict !== undefined;
    if (samplerState) this.#order?.passes?.restore(start, samplerState, sameRun);
    this.#position.seek(start, samplerState);
  }
}
