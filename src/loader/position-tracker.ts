import type { JsonObject } from '../core/json.js';
import type { Delivered } from './delivery.js';
import type { PassStart } from './epoch-plan.js';
import type { LoaderState } from './loader-state.js';

/**
 * Knows which batches have been delivered. What was prefetched does not count, and out of order the batches behind the
 * first missing one are kept as a short list.
 */
export class PositionTracker {
  #epoch = 0;
  #batch = 0;
  #ahead = new Set<number>();
  #samplerState: JsonObject | null = null;
  /** Batches of a stream that have come by in this pass, delivered before or not. */
  #seen = 0;
  /** Where this pass of a stream began: what comes before it was delivered already. */
  #startBatch = 0;
  #started = false;

  get epoch(): number {
    return this.#epoch;
  }

  /** Puts the next pass at a place. */
  seek({ epoch, batch, ahead }: PassStart, samplerState: JsonObject | null): void {
    this.#epoch = epoch;
    this.#batch = batch;
    this.#ahead = new Set(ahead);
    this.#samplerState = samplerState;
    this.#started = false;
  }

  /**
   * Begins a pass: where it was put, or at the epoch after one that was left early.
   *
   * @param samplerState - State of a stateful sampler that has not drawn anything yet.
   */
  begin(samplerState: JsonObject | undefined): PassStart {
    this.#samplerState ??= samplerState ?? null;
    if (this.#started) this.seek({ epoch: this.#epoch + 1, batch: 0, ahead: [] }, this.#samplerState);
    this.#seen = 0;
    this.#startBatch = this.#batch;
    return { epoch: this.#epoch, batch: this.#batch, ahead: [...this.#ahead] };
  }

  /** Whether the consumer is to see this result: not the end of a shard, nor what it had before. */
  accept({ planned, result }: Delivered): boolean {
    if (result.type === 'end') return false;
    return planned.task.type === 'indices' || this.#seen++ >= this.#startBatch;
  }

  /** Counts an accepted result as delivered. */
  deliver({ planned }: Delivered): void {
    this.#started = true;
    const batch = planned.task.type === 'indices' ? planned.task.batch : this.#batch;
    if (planned.samplerState) this.#samplerState = planned.samplerState;
    if (batch === this.#batch && this.#ahead.size === 0) {
      this.#batch += 1;
      return;
    }
    this.#ahead.add(batch);
    while (this.#ahead.delete(this.#batch)) this.#batch += 1;
  }

  endEpoch(): void {
    this.seek({ epoch: this.#epoch + 1, batch: 0, ahead: [] }, this.#samplerState);
  }

  /** The part of the state that says where. An epoch that is complete is the start of the next one. */
  state(length: number | undefined): Pick<LoaderState, 'epoch' | 'batch' | 'ahead' | 'samplerState'> {
    if (this.#started && length !== undefined && this.#batch >= length) {
      return { epoch: this.#epoch + 1, batch: 0, ahead: [], samplerState: this.#samplerState };
    }
    const ahead = [...this.#ahead].sort((a, b) => a - b);
    return { epoch: this.#epoch, batch: this.#batch, ahead, samplerState: this.#samplerState };
  }
}
