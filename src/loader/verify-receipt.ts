import { CapabilityError, StateMismatchError } from '../core/errors.js';
import { parseOptions } from '../core/options.js';
import { foldOf } from './batch-fold.js';
import type { DataLoader } from './data-loader.js';
import type { StateIdentity } from './loader-state.js';
import { type Receipt, receiptSchema } from './receipt.js';
import { ReceiptChain } from './receipt-chain.js';

/** How the check of a receipt ended. */
export interface ReceiptVerification {
  /** Batches that were recomputed. */
  readonly steps: number;
  /** The digest that this loader comes to. */
  readonly digest: string;
  /** The first batch that differs; nothing when all are equal. */
  readonly difference: ReceiptDifference | undefined;
}

/** A batch that differs from the receipt. */
export interface ReceiptDifference {
  /** Its number in the receipt, from 0. */
  readonly step: number;
  readonly epoch: number;
  readonly batch: number;
  readonly microBatch: number;
  readonly rank: number;
  /** Whether an earlier batch may differ as well: the receipt keeps only the last ones apart. */
  readonly isLatest: boolean;
}

/**
 * Computes again, without reading a sample, which batches a loader would have delivered, and compares them with a receipt.
 *
 * @param loader - Made as the one that gave the receipt; rank and world size are those of the receipt.
 * @throws {@link ConfigError} when it is not a receipt; {@link StateMismatchError} naming the field when it belongs to another dataset,
 *   sampler, seed or batch size; {@link CapabilityError} when the order cannot be computed.
 * @remarks O(batches of the receipt). A sampler that draws its order is drawn from.
 */
export function verifyReceipt(loader: DataLoader<never, never, never>, given: unknown): ReceiptVerification {
  const receipt = parseOptions('Receipt', receiptSchema, given);
  const state = loader.stateDict();
  for (const field of Object.keys(receipt.identity) as (keyof StateIdentity)[]) {
    const [saved, own] = [receipt.identity[field as 'seed'], state[field as 'seed']];
    if (saved === own) continue;
    throw new StateMismatchError(
      `The receipt belongs to another loader: its ${field} is ${saved}, this one has ${own}`,
      {
        where: { field, saved: String(saved), own: String(own) },
        next: 'Make the loader with the dataset, sampler, seed and batch size of the run.',
      },
    );
  }
  const [first] = receipt.segments;
  const beginsLater =
    first &&
    (receipt.base !== null ||
      receipt.segments.length > 1 ||
      first.epoch + first.batch + first.microBatch > 0);
  if (state.samplerState !== null && beginsLater) {
    throw new CapabilityError('The order is drawn from a generator: it is known only from its beginning', {
      where: { stage: 'sampler', epoch: first.epoch, batch: first.batch },
      next: 'Verify the receipt of a run from its start, or use a sampler that computes its order from a seed.',
    });
  }
  return recompute(loader, receipt, loader.length / state.gradientAccumulationSteps);
}

function recompute(
  loader: DataLoader<never, never, never>,
  receipt: Receipt,
  globalBatches: number,
): ReceiptVerification {
  const chain = new ReceiptChain();
  // What was delivered ahead is computed again in its turn.
  chain.load(receipt.base && { ...receipt.base, ahead: [] });
  const trail = fromBase64(receipt.trail);
  const firstStep = receipt.base?.steps ?? 0;
  const trailStart = receipt.steps - trail.length;
  for (const segment of receipt.segments) {
    let { epoch } = segment;
    let start = { batch: segment.batch, microBatch: segment.microBatch };
    let left = segment.steps;
    const { gradientAccumulationSteps: parts } = segment;
    const number = start.batch * parts + start.microBatch;
    const leftOut = new Set(segment.leftOut);
    chain.begin(segment, { epoch, batch: number, ahead: segment.leftOut }, globalBatches * parts);
    while (left > 0) {
      const before = left;
      for (const planned of loader.order({ epoch, ...start }, segment)) {
        const step = chain.steps;
        const { batch, microBatch, indices, positions } = planned;
        const number = batch * parts + microBatch;
        if (leftOut.delete(number)) continue;
        const task = { type: 'indices', epoch, batch: number, indices, positions } as const;
        chain.deliver(number, task);
        if (step >= trailStart && foldOf(task)[0] !== trail[step - trailStart]) {
          const isLatest = step === trailStart && trailStart > firstStep;
          return {
            steps: step - firstStep,
            digest: chain.digest,
            difference: { step, epoch, batch, microBatch, rank: segment.rank, isLatest },
          };
        }
        if (--left === 0) break;
      }
      if (left === 0) break;
      if (left === before) {
        // The epoch has fewer batches than the receipt.
        const difference = { step: chain.steps, epoch, ...start, rank: segment.rank, isLatest: false };
        return { steps: chain.steps - firstStep, digest: chain.digest, difference };
      }
      epoch += 1;
      start = { batch: 0, microBatch: 0 };
      leftOut.clear();
      chain.completeEpoch();
    }
  }
  const last = receipt.segments.at(-1);
  const differs = chain.digest !== receipt.digest;
  const difference =
    differs && last
      ? {
          step: trailStart,
          epoch: last.epoch,
          batch: last.batch,
          microBatch: 0,
          rank: last.rank,
          isLatest: true,
        }
      : undefined;
  return { steps: chain.steps - firstStep, digest: chain.digest, difference };
}

function fromBase64(text: string): Uint32Array {
  return new Uint32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}
