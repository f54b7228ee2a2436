import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import * as v from 'valibot';
import { integerFrom } from '../core/options.js';
import { type Fold, foldInto, foldOf } from './batch-fold.js';
import type { BatchTask } from './batch-task.js';
import { positionOf } from './loader-position.js';
import type { RankLayout } from './rank-layout.js';
import { ReceiptTrail } from './receipt-trail.js';

/** Batches that were delivered one after the other, over ends of epochs. */
export interface ReceiptSegment extends RankLayout {
  /** Where it began. */
  readonly epoch: number;
  readonly batch: number;
  readonly microBatch: number;
  /** Batches of it. */
  readonly steps: number;
  /** Batches of its first epoch that are left out: another rank or place had delivered them before, out of order. */
  readonly leftOut: readonly number[];
  /** Whether it goes on right where the state left off that the loader began from, as the same rank. */
  readonly continued: boolean;
}

const hex = (bytes: number) =>
  v.pipe(
    v.string('must be a string'),
    v.regex(new RegExp(`^([0-9a-f]{${2 * bytes}})*$`), 'must be hexadecimal'),
  );

/** What a state carries of a receipt. */
export const receiptStateSchema = v.strictObject({
  /** The chain up to the last full block. */
  digest: v.pipe(hex(32), v.length(64, 'must be 64 digits')),
  /** Batches in the chain, those of other processes before included. */
  steps: integerFrom(0),
  /** Batches behind the last full block, and what they were mixed into. */
  pendingSteps: integerFrom(0),
  pending: v.pipe(hex(16), v.length(32, 'must be 32 digits')),
  /** Folds of batches that were delivered before their turn. */
  ahead: v.array(v.strictObject({ batch: integerFrom(0), fold: hex(8) })),
  rank: integerFrom(0),
  worldSize: integerFrom(1),
  gradientAccumulationSteps: integerFrom(1),
  /** The next batch in turn. */
  epoch: integerFrom(0),
  batch: integerFrom(0),
});

export type ReceiptState = v.InferOutput<typeof receiptStateSchema>;

/** Where a chain goes on: a batch of an epoch, and those behind it that were delivered before. */
export interface ChainStart {
  readonly epoch: number;
  readonly batch: number;
  readonly ahead: readonly number[];
}

/** Batches of a block: the chain is hashed on once a block, so that a small batch costs little. */
const blockSteps = 256;
/** The fold made last: a pair for each batch would cost more than making it. */
const made = new Uint32Array(2);

/**
 * A chained digest of the batches that a rank delivered, in the order of the plan.
 *
 * Folds of batches are mixed into 128 bits, one after the other; behind each block the digest is the SHA-256 of the digest before and
 * those. Where the batches do not follow one another (a seek, another rank), the block ends early and the new place is hashed in.
 */
export class ReceiptChain {
  #digest = new Uint8Array(32);
  #steps = 0;
  readonly #pending = new Uint32Array(4);
  #pendingSteps = 0;
  readonly #ahead = new Map<number, Fold>();
  readonly #leftOut = new Set<number>();
  #layout: RankLayout | undefined;
  #epoch = 0;
  #batch = 0;
  #segments: ReceiptSegment[] = [];
  /** The last of them. */
  #segment: { steps: number } | undefined;
  readonly #trail = new ReceiptTrail();
  #base: ReceiptState | undefined;

  /** Batches in the chain. */
  get steps(): number {
    return this.#steps;
  }

  /** SHA-256 of all, in hexadecimal. */
  get digest(): string {
    return bytesToHex(this.#pendingSteps === 0 ? this.#digest : this.#blockDigest());
  }

  get segments(): readonly ReceiptSegment[] {
    return this.#segments;
  }

  /** The state that the chain was loaded from. */
  get base(): ReceiptState | undefined {
    return this.#base;
  }

  /** First halves of the folds of the last batches, at most 2^18. */
  get trail(): Uint32Array {
    return this.#trail.words();
  }

  /**
   * A pass begins at a batch.
   *
   * @param perEpoch - Batches an epoch, where that is known: behind the last one comes the first of the next epoch.
   */
  begin(of: RankLayout, start: ChainStart, perEpoch: number | undefined): void {
    const { rank, worldSize, gradientAccumulationSteps } = of;
    const { epoch, batch, ahead } = start;
    const layout = { rank, worldSize, gradientAccumulationSteps };
    if (this.#batch > 0 && this.#batch === perEpoch) this.completeEpoch();
    const sameLayout =
      this.#layout?.rank === layout.rank &&
      this.#layout.worldSize === layout.worldSize &&
      this.#layout.gradientAccumulationSteps === layout.gradientAccumulationSteps;
    const follows = sameLayout && this.#epoch === epoch && this.#batch === batch;
    if (follows && this.#segments.length > 0) return;
    this.#leftOut.clear();
    if (!follows) {
      this.#ahead.clear();
      for (const number of ahead) this.#leftOut.add(number);
      this.#startBlock(layout, epoch, batch);
    }
    const segment = {
      ...layout,
      epoch,
      ...positionOf(batch, gradientAccumulationSteps),
      steps: 0,
      leftOut: [...this.#leftOut],
      continued: follows,
    };
    this.#segments.push(segment);
    this.#segment = segment;
    this.#layout = layout;
    this.#epoch = epoch;
    this.#batch = batch;
    this.#passLeftOut();
  }

  /** A batch was delivered; one before its turn waits until those before it were. */
  deliver(batch: number, task: BatchTask): void {
    if (batch !== this.#batch) {
      this.#ahead.set(batch, foldOf(task));
      return;
    }
    foldInto(task, made);
    this.#append(made[0]!, made[1]!);
    if (this.#leftOut.size > 0) this.#passLeftOut();
    if (this.#ahead.size === 0) return;
    for (let next = this.#ahead.get(this.#batch); next; next = this.#ahead.get(this.#batch)) {
      this.#ahead.delete(this.#batch);
      this.#append(...next);
      this.#passLeftOut();
    }
  }

  #passLeftOut(): void {
    while (this.#leftOut.delete(this.#batch)) this.#batch += 1;
  }

  /** The next batch is the first one of the next epoch. */
  completeEpoch(): void {
    this.#epoch += 1;
    this.#batch = 0;
    this.#ahead.clear();
    this.#leftOut.clear();
  }

  state(): ReceiptState | null {
    if (!this.#layout) return null;
    const { rank, worldSize, gradientAccumulationSteps } = this.#layout;
    return {
      digest: bytesToHex(this.#digest),
      steps: this.#steps,
      pendingSteps: this.#pendingSteps,
      pending: bytesToHex(bytesOf(this.#pending)),
      ahead: Array.from(this.#ahead, ([batch, fold]) => ({
        batch,
        fold: bytesToHex(bytesOf(Uint32Array.from(fold))),
      })),
      rank,
      worldSize,
      gradientAccumulationSteps,
      epoch: this.#epoch,
      batch: this.#batch,
    };
  }

  /** Goes on with a chain; without one, begins a new one. */
  load(state: ReceiptState | null): void {
    this.#segments = [];
    this.#segment = undefined;
    this.#trail.clear();
    this.#ahead.clear();
    this.#base = state ?? undefined;
    this.#layout = state ?? undefined;
    this.#digest = state ? hexToBytes(state.digest) : new Uint8Array(32);
    this.#steps = state?.steps ?? 0;
    this.#pending.set(state ? wordsOf(state.pending) : [0, 0, 0, 0]);
    this.#pendingSteps = state?.pendingSteps ?? 0;
    this.#epoch = state?.epoch ?? 0;
    this.#batch = state?.batch ?? 0;
    for (const { batch, fold } of state?.ahead ?? []) {
      const [first = 0, second = 0] = wordsOf(fold);
      this.#ahead.set(batch, [first, second]);
    }
  }

  #append(first: number, second: number): void {
    const pending = this.#pending;
    const [p0, p1, p2, p3] = [pending[0]!, pending[1]!, pending[2]!, pending[3]!];
    pending[0] = Math.imul(p1 ^ first, 0x9e3779b1);
    pending[1] = Math.imul(p2 ^ second ^ (p0 >>> 15), 0x85ebca77);
    pending[2] = Math.imul(p3 + first, 0xc2b2ae3d) ^ (p1 >>> 13);
    pending[3] = Math.imul(p0 + second, 0x27d4eb2f) ^ (p2 >>> 16);
    this.#pendingSteps += 1;
    this.#steps += 1;
    this.#batch += 1;
    if (this.#segment) this.#segment.steps += 1;
    this.#trail.append(first);
    if (this.#pendingSteps === blockSteps) this.#endBlock();
  }

  #startBlock(
    { rank, worldSize, gradientAccumulationSteps }: RankLayout,
    epoch: number,
    batch: number,
  ): void {
    if (this.#pendingSteps > 0) this.#endBlock();
    const place = Float64Array.of(rank, worldSize, gradientAccumulationSteps, epoch, batch);
    this.#digest = sha256(joined(this.#digest, bytesOf(place)));
  }

  #endBlock(): void {
    this.#digest = this.#blockDigest();
    this.#pending.fill(0);
    this.#pendingSteps = 0;
  }

  #blockDigest(): Uint8Array<ArrayBuffer> {
    return sha256(joined(this.#digest, bytesOf(this.#pending)));
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function wordsOf(text: string): Uint32Array {
  return new Uint32Array(hexToBytes(text).buffer);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
