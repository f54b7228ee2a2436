import * as v from 'valibot';
import type { JsonObject } from '../../core/json.js';
import { booleanOption, integerFrom, parseOptions } from '../../core/options.js';
import { isRecord } from '../../core/record.js';
import type { OrderIdentity } from '../order/loader-order.js';
import { type ReceiptChain, receiptStateFromVersion1, receiptStateSchema } from './receipt-chain.js';

/** Version of the format of receipts. {@link readReceipt} also reads version 1. */
const receiptVersion = 2;

const segmentSchema = v.strictObject({
  epoch: integerFrom(0),
  step: integerFrom(0),
  microBatch: integerFrom(0),
  rank: integerFrom(0),
  worldSize: integerFrom(1),
  gradientAccumulationSteps: integerFrom(1),
  batches: integerFrom(0),
  leftOut: v.array(integerFrom(0)),
  continued: booleanOption,
});

const receiptSchema = v.strictObject({
  millraceReceipt: v.literal(
    receiptVersion,
    `must be 1 or ${receiptVersion}: this is not a receipt, or it has another version`,
  ),
  /** SHA-256 over all batches, as 64 hexadecimal digits. */
  digest: v.string('must be a string'),
  /** Batches of this rank in the digest. */
  batches: integerFrom(0),
  /** The options and fingerprints that determine the order. */
  identity: v.strictObject({
    batchSize: v.nullable(integerFrom(1)),
    dropLast: booleanOption,
    seed: integerFrom(0),
    dataset: v.string('must be a string'),
    sampler: v.nullable(v.string('must be a string')),
  }),
  /** The amendments of the run: see `DataLoader.amend`. Absent without any. */
  amendments: v.optional(v.custom<JsonObject>((value) => typeof value === 'object', 'must be an object')),
  /** The chain in the state that this process loaded, if any. */
  base: v.nullable(receiptStateSchema),
  /** The batches that this process delivered. */
  segments: v.array(segmentSchema),
  /** Their samples and tokens by source and pass, with `provenance`. The digest does not cover them. */
  sources: v.optional(
    v.array(
      v.strictObject({
        source: integerFrom(0),
        pass: integerFrom(0),
        samples: integerFrom(0),
        tokens: integerFrom(0),
      }),
    ),
  ),
  /** 32 bits for each of the last batches, at most 2^18, in base64: they identify the first batch that differs. */
  trail: v.string('must be a string'),
});

/** The digest of the batches that a rank delivered, as plain JSON. It can be recomputed from the order alone. */
export type Receipt = v.InferOutput<typeof receiptSchema>;

/**
 * Reads a receipt of the current version or of version 1.
 *
 * @throws {@link ConfigError} if it is not a receipt
 */
export function readReceipt(receipt: unknown): Receipt {
  const current = isRecord(receipt) && receipt.millraceReceipt === 1 ? fromVersion1(receipt) : receipt;
  return parseOptions('Receipt', receiptSchema, current);
}

/** Version 1 called the step of a segment `batch`, and counted batches as `steps`. */
function fromVersion1({ steps, base, segments, ...others }: Record<string, unknown>): object {
  const renamed = (segment: Record<string, unknown>): object => {
    const { batch, steps, ...rest } = segment;
    return { ...rest, step: batch, batches: steps };
  };
  return {
    ...others,
    millraceReceipt: receiptVersion,
    batches: steps,
    base: receiptStateFromVersion1(base),
    segments: Array.isArray(segments) ? segments.map((segment) => renamed(segment ?? {})) : segments,
  };
}

/** Writes the receipt of a chain. */
export function writeReceipt(
  chain: ReceiptChain,
  identity: OrderIdentity,
  { amendments, sources }: Pick<Receipt, 'amendments' | 'sources'>,
): Receipt {
  const { batchSize, dropLast, seed, dataset, sampler } = identity;
  return {
    millraceReceipt: receiptVersion,
    digest: chain.digest,
    batches: chain.batches,
    identity: { batchSize, dropLast, seed, dataset, sampler },
    ...(amendments && { amendments }),
    base: chain.base ?? null,
    segments: chain.segments.map((segment) => ({ ...segment, leftOut: [...segment.leftOut] })),
    ...(sources && { sources }),
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
