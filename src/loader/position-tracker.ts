import type { JsonObject } from '../core/json.js';
import type { Delivered } from './delivery.js';
import type { PassStart, ShardProgress, StreamProgress } from './epoch-plan.js';

/** A place with the state that the sampler had there. */
export interface TrackedPlace extends PassStart {
  readonly samplerState: JsonObject | null;
}

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
  /** Progress by shard, of an iterable dataset whose epoch was gone through from its start. */
  #shards: ShardProgress[] | undefined = [];
  #lastShard = -1;

  get epoch(): number {
    return this.#epoch;
  }

  /** Batches of the epoch that were delivered one after the other. */
  get batch(): number {
    return this.#batch;
  }

  /** Puts the next pass at a place. */
  seek({ epoch, batch, ahead, streams }: PassStart, samplerState: JsonObject | null): void {
    this.#epoch = epoch;
    this.#batch = batch;
    this.#ahead = new Set(ahead);
    this.#samplerState = samplerState;
    this.#started = false;
    this.#shards = streams ? [...streams.shards] : batch === 0 ? [] : undefined;
    this.#lastShard = streams?.lastShard ?? -1;
  }

  /**
   * Begins a pass: where it was put, or at the epoch after one that was left early.
   *
   * @param samplerState - State of a stateful sampler that has not drawn anything yet.
   */
  begin(samplerState: JsonObject | undefined): PassStart {
    this.#samplerState ??= samplerState ?? null;
    if (this.#started) this.seek({ epoch: this.#epoch + 1, batch: 0, ahead: [] }, this.#samplerState);
    const streams = this.#streams();
    this.#seen = streams ? this.#batch : 0;
    this.#startBatch = this.#batch;
    return { epoch: this.#epoch, batch: this.#batch, ahead: [...this.#ahead], ...(streams && { streams }) };
  }

  /** Whether the consumer is to see this result: not the end of a shard, nor what it had before. */
  accept(delivered: Delivered): boolean {
    const { planned, result } = delivered;
    const isNew =
      result.type !== 'end' && (planned.task.type === 'indices' || this.#seen++ >= this.#startBatch);
    if (!isNew) this.#track(delivered);
    return isNew;
  }

  /** Counts an accepted result as delivered. */
  deliver(delivered: Delivered): void {
    const { planned } = delivered;
    this.#started = true;
    this.#track(delivered);
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

  /** The place. An epoch that is complete is the start of the next one. */
  state(length: number | undefined): TrackedPlace {
    if (this.#started && length !== undefined && this.#batch >= length) {
      return { epoch: this.#epoch + 1, batch: 0, ahead: [], samplerState: this.#samplerState };
    }
    const ahead = [...this.#ahead].sort((a, b) => a - b);
    const streams = this.#streams();
    const place = { epoch: this.#epoch, batch: this.#batch, ahead, samplerState: this.#samplerState };
    return streams ? { ...place, streams } : place;
  }

  /** Progress by shard, where it says more than the number of batches. */
  #streams(): StreamProgress | undefined {
    const shards = this.#shards;
    if (!shards || shards.length === 0 || this.#batch === 0) return undefined;
    if (shards.length === 1 && !shards[0]!.state) return undefined;
    return { lastShard: this.#lastShard, shards: [...shards] };
  }

  #track({ planned: { task }, result }: Delivered): void {
    const shards = this.#shards;
    if (!shards || task.type !== 'stream') return;
    const { shard, ordinal } = task;
    while (shards.length <= shard) shards.push({ delivered: 0, ended: false, state: null });
    if (result.type === 'end') {
      shards[shard] = { ...shards[shard]!, ended: true };
      return;
    }
    shards[shard] = { delivered: ordinal + 1, ended: false, state: result.streamState ?? null };
    this.#lastShard = shard;
  }
}
