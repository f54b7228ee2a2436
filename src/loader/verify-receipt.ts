import { CapabilityError, StateMismatchError } from '../core/errors.js';
import { keysOf } from '../core/record.js';
import { Amendments } from './amend/amendments.js';
import type { DataLoader } from './data-loader.js';
import { stepsBefore } from './order/epoch-plan.js';
import { foldOf } from './state/batch-fold.js';
import type { LoaderState } from './state/loader-state.js';
import { type Receipt, readReceipt } from './state/receipt.js';
import { ReceiptChain } from './state/receipt-chain.js';

/** How the check of a receipt ended. */
type ReceiptVerification = {
  /** Number of batches that were recomputed. */
  readonly batches: number;
  /** The digest that this loader computes. */
  readonly digest: string;
  /** The first batch that differs; `undefined` if all are equal. */
  readonly difference: ReceiptDifference | undefined;
};

/** A loader of any samples and batches. */
type OrderedLoader = Pick<DataLoader<unknown>, 'stateDict' | 'order' | 'batchSampler'>;

/** A batch that differs from the receipt. */
type ReceiptDifference = {
  /** Its number in the receipt, from 0. */
  readonly batch: number;
  readonly epoch: number;
  readonly step: number;
  readonly microBatch: number;
  readonly rank: number;
  /** Whether an earlier batch may differ as well: a receipt identifies only the last batches one by one. */
  readonly isLatest: boolean;
};

/**
 * Recomputes, without reading a sample, the batches that a loader would have delivered and compares them with a receipt.
 *
 * @param loader - Created like the loader that wrote the receipt. Rank and world size are taken from the receipt.
 * @throws {@link ConfigError} if `given` is not a receipt; {@link StateMismatchError} naming the field if it belongs to another
 *   dataset, sampler, seed or batch size; {@link CapabilityError} if the order cannot be computed.
 * @remarks O(batches of the receipt). A sampler that draws its order is advanced.
 */
export function verifyReceipt(loader: OrderedLoader, given: unknown): ReceiptVerification {
  const receipt = readReceipt(given);
  const state = loader.stateDict();
  for (const field of keysOf(receipt.identity)) {
    const [saved, own] = [receipt.identity[field], state[field]];
    if (saved === own) continue;
    throw new StateMismatchError(
      `The receipt belongs to another loader: its ${field} is ${saved}, this one has ${own}`,
      {
        where: { field, saved: String(saved), own: String(own) },
        next: 'Make the loader with the dataset, sampler, seed and batch size of the run.',
      },
    );
  }
  checkAmendments(state, receipt, loader);
  const [first] = receipt.segments;
  const beginsLater =
    first &&
    (receipt.base !== null || receipt.segments.length > 1 || first.epoch + first.step + first.microBatch > 0);
  if (state.samplerState !== null && beginsLater) {
    throw new CapabilityError('The order is drawn from a generator: it is known only from its beginning', {
      where: { stage: 'sampler', epoch: first.epoch, step: first.step },
      next: 'Verify the receipt of a run from its start, or use a sampler that computes its order from a seed.',
    });
  }
  const { batchSampler } = loader;
  const steps = batchSampler?.length ?? 0;
  return recompute(loader, receipt, (epoch) => batchSampler?.lengthOf?.(epoch) ?? steps);
}

/** @throws {@link StateMismatchError} naming the first step at which the run of the receipt was amended differently */
function checkAmendments(
  { amendments }: LoaderState,
  { amendments: ofReceipt, segments }: Receipt,
  { batchSampler }: OrderedLoader,
): void {
  if ((!amendments && !ofReceipt) || !batchSampler) return;
  const places = segments.map(
    ({ epoch, step, microBatch, batches, leftOut, gradientAccumulationSteps: steps }) => {
      const delivered = microBatch + batches + leftOut.length;
      return stepsBefore(epoch, batchSampler) + step + Math.ceil(delivered / steps);
    },
  );
  const saved = Amendments.fromJson(ofReceipt ?? {});
  Amendments.fromJson(amendments ?? {}).checkPast(saved, Math.max(0, ...places));
}

function recompute(
  loader: OrderedLoader,
  receipt: Receipt,
  stepsOf: (epoch: number) => number,
): ReceiptVerification {
  const chain = new ReceiptChain();
  // Batches that were delivered early are recomputed in their turn.
  chain.load(receipt.base && { ...receipt.base, ahead: [] });
  const trail = fromBase64(receipt.trail);
  const firstBatch = receipt.base?.batches ?? 0;
  const trailStart = receipt.batches - trail.length;
  for (const segment of receipt.segments) {
    let { epoch } = segment;
    let start = { step: segment.step, microBatch: segment.microBatch };
    let left = segment.batches;
    const { gradientAccumulationSteps: microBatches } = segment;
    const number = start.step * microBatches + start.microBatch;
    const leftOut = new Set(segment.leftOut);
    chain.begin(
      segment,
      { epoch, batch: number, ahead: segment.leftOut },
      (of) => stepsOf(of) * microBatches,
    );
    while (left > 0) {
      const before = left;
      for (const planned of loader.order({ epoch, ...start }, segment)) {
        const batch = chain.batches;
        const { step, microBatch, indices, positions } = planned;
        const number = step * microBatches + microBatch;
        if (leftOut.delete(number)) continue;
        const task = { type: 'indices', epoch, batch: number, indices, positions } as const;
        chain.deliver(number, task);
        if (batch >= trailStart && foldOf(task)[0] !== trail[batch - trailStart]) {
          const isLatest = batch === trailStart && trailStart > firstBatch;
          return {
            batches: batch - firstBatch,
            digest: chain.digest,
            difference: { batch, epoch, step, microBatch, rank: segment.rank, isLatest },
          };
        }
        if (--left === 0) break;
      }
      if (left === 0) break;
      if (left === before) {
        // The epoch has fewer batches than the receipt.
        const difference = { batch: chain.batches, epoch, ...start, rank: segment.rank, isLatest: false };
        return { batches: chain.batches - firstBatch, digest: chain.digest, difference };
      }
      epoch += 1;
      start = { step: 0, microBatch: 0 };
      leftOut.clear();
      chain.completeEpoch();
    }
  }
  const last = receipt.segments.at(-1);
  const differs = chain.digest !== receipt.digest;
  const difference =
    differs && last
      ? {
          batch: trailStart,
          epoch: last.epoch,
          step: last.step,
          microBatch: 0,
          rank: last.rank,
          isLatest: true,
        }
      : undefined;
  return { batches: chain.batches - firstBatch, digest: chain.digest, difference };
}

function fromBase64(text: string): Uint32Array {
  return new Uint32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}
