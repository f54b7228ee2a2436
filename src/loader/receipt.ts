import * as v from 'valibot';
import { booleanOption, integerFrom } from '../core/options.js';
import type { StateIdentity } from './loader-state.js';
import { type ReceiptChain, receiptStateSchema } from './receipt-chain.js';

const segmentSchema = v.strictObject({
  epoch: integerFrom(0),
  batch: integerFrom(0),
  microBatch: integerFrom(0),
  rank: integerFrom(0),
  worldSize: integerFrom(1),
  gradientAccumulationSteps: integerFrom(1),
  steps: integerFrom(0),
  leftOut: v.array(integerFrom(0)),
  continued: booleanOption,
});

export const receiptSchema = v.strictObject({
  millraceReceipt: v.literal(1, 'must be 1: this is no receipt, or one of another version'),
  /** SHA-256 over all batches, in hexadecimal. */
  digest: v.string('must be a string'),
  /** Batches in the digest. */
  steps: integerFrom(0),
  /** What the order is a function of. */
  identity: v.strictObject({
    batchSize: v.nullable(integerFrom(1)),
    dropLast: booleanOption,
    seed: integerFrom(0),
    dataset: v.string('must be a string'),
    sampler: v.nullable(v.string('must be a string')),
  }),
  /** The chain as it was when this process took it over from a state. */
  base: v.nullable(receiptStateSchema),
  /** What this process delivered. */
  segments: v.array(segmentSchema),
  /** 32 bits of each of the last batches, at most 2^18, in base64: to name the first one that differs. */
  trail: v.string('must be a string'),
});

/** What a rank delivered, as plain JSON: a chained digest that can be recomputed from the order alone. */
export type Receipt = v.InferOutput<typeof receiptSchema>;

/** Makes the receipt of a chain. */
export function writeReceipt(chain: ReceiptChain, identity: StateIdentity): Receipt {
  const { batchSize, dropLast, seed, dataset, sampler } = identity;
  return {
    millraceReceipt: 1,
    digest: chain.digest,
    steps: chain.steps,
    identity: { batchSize, dropLast, seed, dataset, sampler },
    base: chain.base ?? null,
    segments: chain.segments.map((segment) => ({ ...segment, leftOut: [...segment.leftOut] })),
    trail: toBase64(chain.trail),
  };
}

function toBase64(words: Uint32Array): string {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  let text = '';
  for (let start = 0; start < bytes.length; start += 8192)
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(text);
}
