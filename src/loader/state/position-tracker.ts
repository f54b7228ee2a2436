import type { JsonObject } from '../../core/json.js';
import type { Delivered } from '../engine/delivered.js';
import type { PassStart, ShardProgress, StreamProgress } from '../order/epoch-plan.js';

/** A position with the state of the sampler there. */
export interface TrackedPosition extends PassStart {
  readonly samplerState: JsonObject | null;
}

/**
 * Knows which batches have been delivered. What was prefetched does not count, and out of order the batches behind the
 * first missing one are kept as a short list.
 */
export class PositionTracker {
  #epoch = 0;
  #batch = 0;
  /** Batches after the first missing one that were delivered, with the sampler's state after each, if known. */
  #ahead = new Map<number, JsonObject | undefined>();
  /** State of the sampler after batch `#batch - 1`. */
  #samplerState: JsonObject | null = null;
  /** Whether the sampler can continue only from the state that it had exactly there. */
  #needsState = false;
  /** Batches of a stream that have come by in this pass, delivered before or not. */
  #seen = 0;
  /** The first batch of this pass of a stream; the batches before it were delivered earlier. */
  #startBatch = 0;
  #started = false;
  /** Progress by shard, if the epoch of an iterable dataset was read from its start. */
  #shards: ShardProgress[] | undefined = [];
  #lastShard = -1;

  get epoch(): number {
    return this.#epoch;
  }

  /** Batches of the epoch that were delivered one after the other. */
  get batch(): number {
    return this.#batch;
  }

  /** The batch after the last one that was delivered. */
  get end(): number {
    return this.#ahead.size === 0 ? this.#batch : Math.max(...this.#ahead.keys()) + 1;
  }

  /** Batches behind those that were delivered, too. */
  get aheadCount(): number {
    return this.#ahead.size;
  }

  /** Sets the position of the next pass. */
  seek({ epoch, batch, ahead, streams }: PassStart, samplerState: JsonObject | null): void {
    this.#epoch = epoch;
    this.#batch = batch;
    this.#ahead = new Map(ahead.map((number) => [number, undefined]));
    this.#samplerState = samplerState;
    this.#started = false;
    this.#shards = streams ? [...streams.shards] : batch === 0 ? [] : undefined;
    this.#lastShard = streams?.lastShard ?? -1;
  }

  /** Begins a pass: where it was put, or at the epoch after one that was left early. */
  begin(): PassStart {
    if (this.#started) this.seek({ epoch: this.#epoch + 1, batch: 0, ahead: [] }, this.#samplerState);
    const streams = this.#streams();
    this.#seen = streams ? this.#batch : 0;
    this.#startBatch = this.#batch;
    const ahead = [...this.#ahead.keys()];
    return { epoch: this.#epoch, batch: this.#batch, ahead, ...(streams && { streams }) };
  }

  /**
   * Notes the state that the sampler has where a pass begins.
   *
   * @param isSeekable - Whether it finds any batch of the epoch from that state.
   */
  beginSampler(state: JsonObject | undefined, isSeekable: boolean): void {
    this.#samplerState = state ?? null;
    this.#needsState = state !== undefined && !isSeekable;
  }

  /** Whether to deliver this result: not the end of a shard, nor a batch that was delivered before. */
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
    if (batch === this.#batch && this.#ahead.size === 0) {
      if (planned.samplerState) this.#samplerState = planned.samplerState;
      this.#batch += 1;
      return;
    }
    this.#ahead.set(batch, planned.samplerState);
    this.#closeGap();
  }

  /** @param samplerState - The state of the sampler after the epoch, if it has one. */
  endEpoch(samplerState: JsonObject | undefined): void {
    this.seek({ epoch: this.#epoch + 1, batch: 0, ahead: [] }, samplerState ?? this.#samplerState);
  }

  /** The position. The end of an epoch is the start of the next one. */
  state(length: number | undefined): TrackedPosition {
    if (this.#started && length !== undefined && this.#batch >= length) {
      return { epoch: this.#epoch + 1, batch: 0, ahead: [], samplerState: this.#samplerState };
    }
    const ahead = [...this.#ahead.keys()].sort((a, b) => a - b);
    const streams = this.#streams();
    const position = { epoch: this.#epoch, batch: this.#batch, ahead, samplerState: this.#samplerState };
    return streams ? { ...position, streams } : position;
  }

  /**
   * Moves to the first missing batch. The sampler's state moves along: what it drew for batches that came out of turn does not count
   * before those in front of them are there. A batch that another process delivered has no state here, so a sampler that needs
   * one waits for the next that has.
   */
  #closeGap(): void {
    for (let end = this.#batch; this.#ahead.has(end); end++) {
      const state = this.#ahead.get(end);
      if (!state && this.#needsState) continue;
      if (state) this.#samplerState = state;
      for (; this.#batch <= end; this.#batch++) this.#ahead.delete(this.#batch);
    }
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
