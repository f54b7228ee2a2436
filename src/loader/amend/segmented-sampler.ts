import { fingerprint } from '../../core/fingerprint.js';
import { checkIndex } from '../../core/index-range.js';
import { lastOf } from '../../core/last-of.js';
import type { Sampler } from '../../core/sampler.js';
import type { Sighting, WhenSeenOptions } from '../../core/sighting.js';
import type { EpochSamples } from '../../curriculum/batch-size-stages.js';
import { interleave } from '../../random/interleave.js';
import { type IndexOrder, OrderIterator } from '../../samplers/index-order.js';
import { resolveWhenSeen, sightingsAt } from '../../samplers/when-seen.js';

/** A sampler from an epoch on. */
export interface SamplerSegment {
  readonly epoch: number;
  readonly sampler: Sampler;
  /** Samples of the data that it orders. */
  readonly samples: number;
}

/** The orders of several samplers, each from an epoch on. */
export class SegmentedSampler implements Sampler {
  readonly seekable: boolean;
  readonly elastic: boolean;
  readonly deterministic: boolean;
  readonly #segments: readonly SamplerSegment[];
  #epoch = 0;

  /** @param segments - Ascending, from epoch 0. */
  constructor(segments: readonly SamplerSegment[]) {
    this.#segments = segments;
    const all = (capability: 'seekable' | 'elastic' | 'deterministic') =>
      segments.every(({ sampler }) => sampler[capability] === true);
    this.seekable = all('seekable');
    this.elastic = all('elastic');
    this.deterministic = all('deterministic');
  }

  /** Samples of the current epoch. */
  get length(): number {
    return this.#current.length;
  }

  /** Samples of every epoch. */
  get epochSamples(): readonly EpochSamples[] {
    return this.#segments.map(({ epoch, sampler }) => ({ epoch, samples: sampler.length }));
  }

  setEpoch(epoch: number): void {
    this.#epoch = epoch;
    this.#current.setEpoch?.(epoch);
  }

  seek(position: number): void {
    this.#current.seek!(position);
  }

  fingerprint(): string {
    const segments = this.#segments.map(({ epoch, sampler }) => [
      epoch,
      sampler.fingerprint?.() ?? sampler.constructor.name,
    ]);
    return fingerprint({ sampler: 'SegmentedSampler', segments });
  }

  whenSeen(sample: number, options: WhenSeenOptions = {}): Sighting[] {
    const { epoch: first = 0, epochs = 1 } = options;
    checkIndex(sample, Math.max(...this.#segments.map(({ samples }) => samples)), 'The dataset');
    const sightings: Sighting[] = [];
    for (let epoch = first; epoch < first + epochs; epoch++) {
      const { sampler, samples } = this.#at(epoch);
      if (sample < samples) sightings.push(...sampler.whenSeen!(sample, { ...options, epoch, epochs: 1 }));
    }
    return sightings;
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#current[Symbol.iterator]();
  }

  get #current(): Sampler {
    return this.samplerOf(this.#epoch);
  }

  /** All samplers, in the order of their epochs. */
  get samplers(): readonly Sampler[] {
    return this.#segments.map(({ sampler }) => sampler);
  }

  /** The sampler of an epoch. */
  samplerOf(epoch: number): Sampler {
    return this.#at(epoch).sampler;
  }

  #at(epoch: number): SamplerSegment {
    return lastOf(this.#segments, (segment) => segment.epoch <= epoch);
  }
}

/** A sampler that computes the order of any epoch. */
export type ComputedSampler = Sampler & { orderOf(epoch: number): IndexOrder };

/** An epoch whose data grows in it: the rest of its samples, with new ones evenly among them. */
export class InterleavedSampler implements Sampler {
  readonly seekable = true;
  readonly elastic = true;
  readonly deterministic = true;
  readonly length: number;
  readonly #order: IndexOrder;
  readonly #name: string;
  #start = 0;

  /**
   * @param old - The order of the epoch without the new samples.
   * @param added - The order of the new samples.
   * @param place - Where the data grows.
   */
  constructor(
    old: ComputedSampler,
    added: ComputedSampler,
    { epoch, position }: { readonly epoch: number; readonly position: number },
  ) {
    const length = old.length + added.length;
    const [of, more] = [old.orderOf(epoch), added.orderOf(epoch)];
    const merged = interleave(old.length - position, added.length);
    const one = new Float64Array(1);
    const valueAt = (order: IndexOrder, at: number): number => {
      order.fill(one, at);
      return one[0]!;
    };
    this.length = length;
    this.#name = fingerprint({
      sampler: 'InterleavedSampler',
      of: old.fingerprint?.() ?? '',
      length,
      position,
    });
    this.#order = {
      length,
      fill(out, start) {
        for (let i = 0; i < out.length; i++) {
          const { isAdded, count } = merged.at(Math.max(0, start + i - position));
          if (start + i < position) out[i] = valueAt(of, start + i);
          else out[i] = isAdded ? old.length + valueAt(more, count) : valueAt(of, position + count);
        }
      },
      *positionsOf(index) {
        const isAdded = index >= old.length;
        const found = isAdded ? more.positionsOf(index - old.length) : of.positionsOf(index);
        for (const place of found) {
          const count = isAdded ? place : place - position;
          yield count < 0 ? place : position + merged.positionOf(isAdded, count);
        }
      },
    };
  }

  fingerprint(): string {
    return this.#name;
  }

  seek(position: number): void {
    this.#start = position;
  }

  whenSeen(sample: number, options: WhenSeenOptions = {}): Sighting[] {
    const resolved = resolveWhenSeen('InterleavedSampler', options);
    return [...sightingsAt(this.#order.positionsOf(sample), resolved.epoch, this.length, resolved)];
  }

  [Symbol.iterator](): Iterator<number> {
    const start = this.#start;
    this.#start = 0;
    return new OrderIterator(this.#order, start);
  }
}
