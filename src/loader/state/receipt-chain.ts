import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import * as v from 'valibot';
import { integerFrom } from '../../core/options.js';
import { isRecord } from '../../core/record.js';
import type { BatchTask } from '../order/batch-task.js';
import { positionOf } from '../order/loader-position.js';
import type { RankLayout } from '../order/rank-layout.js';
import { type Fold, foldInto, foldOf } from './batch-fold.js';
import { ReceiptTrail } from './receipt-trail.js';

/** A run of consecutive batches of one rank; it may span several epochs. */
export interface ReceiptSegment extends RankLayout {
  /** Epoch of its first batch. */
  readonly epoch: number;
  /** Step of its first batch. */
  readonly step: number;
  readonly microBatch: number;
  /** Number of batches in it. */
  readonly batches: number;
  /** Numbers of batches of its first epoch that it omits because they had been delivered before, out of order. */
  readonly leftOut: readonly number[];
  /** Whether it continues, as the same rank, exactly at the position of the state that the loader loaded. */
  readonly continued: boolean;
}

const hex = (bytes: number) =>
  v.pipe(
    v.string('must be a string'),
    v.regex(new RegExp(`^([0-9a-f]{${2 * bytes}})*$`), 'must be hexadecimal'),
  );

/** The part of a receipt that a state carries. */
export const receiptStateSchema = v.strictObject({
  /** The chain up to the last full block. */
  digest: v.pipe(hex(32), v.length(64, 'must be 64 digits')),
  /** Batches in the chain, including those of earlier processes. */
  batches: integerFrom(0),
  /** Batches since the last full block, and the 128 bits that they were mixed into. */
  pendingBatches: integerFrom(0),
  pending: v.pipe(hex(16), v.length(32, 'must be 32 digits')),
  /** Folds of batches that were delivered early, by their number within the epoch. */
  ahead: v.array(v.strictObject({ batch: integerFrom(0), fold: hex(8) })),
  rank: integerFrom(0),
  worldSize: integerFrom(1),
  gradientAccumulationSteps: integerFrom(1),
  /** Epoch of the next batch, and its number within the epoch. */
  epoch: integerFrom(0),
  batch: integerFrom(0),
});

export type ReceiptState = v.InferOutput<typeof receiptStateSchema>;

/** Renames the fields that version 1 of receipts, and version 2 of states, called `steps` and `pendingSteps`. */
export function receiptStateFromVersion1(state: unknown): unknown {
  if (!isRecord(state)) return state;
  const { steps, pendingSteps, ...others } = state;
  return { ...others, batches: steps, pendingBatches: pendingSteps };
}

/** The batch of an epoch at which a chain continues, and the later batches that were delivered before. */
export interface ChainStart {
  readonly epoch: number;
  readonly batch: number;
  readonly ahead: readonly number[];
}

/** Batches per block. The chain computes SHA-256 once per block, so that a small batch costs little. */
const blockBatches = 256;
/** The fold made last: a pair for each batch would cost more than making it. */
const made = new Uint32Array(2);

/**
 * A chained digest of the batches that a rank delivered, in the order of the plan.
 *
 * Folds of batches are mixed into 128 bits, one after the other; after each block the digest is the SHA-256 of the digest before and
 * those. Where the batches do not follow one another (a seek, another rank), the block ends early and the new position is hashed too.
 */
export class ReceiptChain {
  #digest = new Uint8Array(32);
  #batches = 0;
  readonly #pending = new Uint32Array(4);
  #pendingBatches = 0;
  readonly #ahead = new Map<number, Fold>();
  readonly #leftOut = new Set<number>();
  #layout: RankLayout | undefined;
  #epoch = 0;
  #batch = 0;
  #segments: ReceiptSegment[] = [];
  /** The last of them. */
  #segment: { batches: number } | undefined;
  readonly #trail = new ReceiptTrail();
  #base: ReceiptState | undefined;

  /** Batches in the chain. */
  get batches(): number {
    return this.#batches;
  }

  /** SHA-256 of all, in hexadecimal. */
  get digest(): string {
    return bytesToHex(this.#pendingBatches === 0 ? this.#digest : this.#blockDigest());
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
   * @param lengthOf - Returns the number of batches of an epoch, if known. The first batch of the next epoch follows the last one.
   */
  begin(of: RankLayout, start: ChainStart, lengthOf: (epoch: number) => number | undefined): void {
    const { rank, worldSize, gradientAccumulationSteps } = of;
    const { epoch, batch, ahead } = start;
    const layout = { rank, worldSize, gradientAccumulationSteps };
    if (this.#batch > 0 && this.#batch === lengthOf(this.#epoch)) this.completeEpoch();
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
      batches: 0,
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
      batches: this.#batches,
      pendingBatches: this.#pendingBatches,
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

  /** Continues a chain; `null` begins a new one. */
  load(state: ReceiptState | null): void {
    this.#segments = [];
    this.#segment = undefined;
    this.#trail.clear();
    this.#ahead.clear();
    this.#base = state ?? undefined;
    this.#layout = state ?? undefined;
    this.#digest = state ? bytesOfHex(state.digest) : new Uint8Array(32);
    this.#batches = state?.batches ?? 0;
    this.#pending.set(state ? wordsOf(state.pending) : [0, 0, 0, 0]);
    this.#pendingBatches = state?.pendingBatches ?? 0;
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
    this.#pendingBatches += 1;
    this.#batches += 1;
    this.#batch += 1;
    if (this.#segment) this.#segment.batches += 1;
    this.#trail.append(first);
    if (this.#pendingBatches === blockBatches) this.#endBlock();
  }

  #startBlock(
    { rank, worldSize, gradientAccumulationSteps }: RankLayout,
    epoch: number,
    batch: number,
  ): void {
    if (this.#pendingBatches > 0) this.#endBlock();
    const position = Float64Array.of(rank, worldSize, gradientAccumulationSteps, epoch, batch);
    this.#digest = sha256(joined(this.#digest, bytesOf(position)));
  }

  #endBlock(): void {
    this.#digest = this.#blockDigest();
    this.#pending.fill(0);
    this.#pendingBatches = 0;
  }

  #blockDigest(): Uint8Array<ArrayBuffer> {
    return sha256(joined(this.#digest, bytesOf(this.#pending)));
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function wordsOf(text: string): Uint32Array {
  return new Uint32Array(bytesOfHex(text).buffer);
}

/** Of a few bytes. A library's function is made for many, and is slow where it runs once: when a run resumes. */
function bytesOfHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
