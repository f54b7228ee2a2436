import type { DType } from '../core/dtype.js';
import { firstAbove } from '../core/first-above.js';
import { planWorkers } from '../loader/engine/worker-plan.js';
import type { DataLoader } from '../loader/index.js';
import { formatCount } from '../web/kit/numbers.js';

/** How often an order decodes row groups or record batches. */
export interface ShardReads {
  readonly shards: number;
  /** How often each is decoded in an epoch, on average. */
  readonly perShard: number;
  /** Samples that one decoding gives, on average. */
  readonly samplesPerRead: number;
}

/** Blocks that a dataset keeps decoded by default, in each thread. */
const keptShards = 8;
/** A full shuffle shows after few samples; an order of shards after some windows of shards. */
const fewestSamples = 4_096;
const windows = 4;
const mostSamples = 200_000;
const mostBatches = 4_000;

/**
 * Follows the beginning of epoch 0 through the blocks that each worker keeps decoded. Reads no sample.
 *
 * @returns `undefined` unless a sample costs the decoding of its shard, as in Parquet and Arrow files. For files with several blocks a
 *   row group, or another `cacheBlocks`, an estimate.
 */
export function shardReadsOf(
  loader: DataLoader<unknown, DType, unknown, unknown, boolean>,
): ShardReads | undefined {
  const { dataset, batchSampler, options } = loader;
  if (!batchSampler || !('decodesShards' in dataset) || !dataset.decodesShards) return undefined;
  const { shardLengths, length } = dataset;
  if (!shardLengths || length === 0) return undefined;
  let end = 0;
  const ends = Float64Array.from(shardLengths, (samples) => {
    end += samples;
    return end;
  });
  const enough = Math.min(
    mostSamples,
    Math.max(fewestSamples, Math.ceil((windows * keptShards * length) / ends.length)),
  );
  const { maxWorkers } = planWorkers(options);
  const kept = Array.from({ length: Math.max(1, maxWorkers) }, () => new Set<number>());
  let [samples, reads, batches] = [0, 0, 0];
  for (const { indices } of loader.order({ epoch: 0, step: 0 })) {
    const decoded = kept[batches % kept.length]!;
    for (const index of indices) if (!touch(decoded, firstAbove(ends, index))) reads += 1;
    samples += indices.length;
    batches += 1;
    if (samples >= enough || batches >= mostBatches) break;
  }
  if (samples === 0) return undefined;
  // A rank reads its part of the samples, of every shard.
  const perShard = (reads / samples) * (length / options.worldSize / ends.length);
  return { shards: ends.length, perShard, samplesPerRead: samples / Math.max(1, reads) };
}

/** Marks a shard as used; the most recently used ones stay decoded. @returns whether it was decoded */
function touch(decoded: Set<number>, shard: number): boolean {
  const was = decoded.delete(shard);
  decoded.add(shard);
  if (decoded.size > keptShards) decoded.delete(decoded.values().next().value!);
  return was;
}

/** How often blocks are decoded, in words: `each of 44 row groups or record batches about 117 times`. */
export function shardReadsText({ shards, perShard }: ShardReads): string {
  const times = perShard < 1.5 ? 'once' : `${formatCount(Math.round(perShard))} times`;
  return `each of ${formatCount(shards)} row groups or record batches about ${times} an epoch`;
}

/** Whether an order decodes blocks for a few samples each, although others would decode each about once. */
export function decodesAgain({ shards, perShard, samplesPerRead }: ShardReads): boolean {
  return shards > keptShards && perShard > 4 && samplesPerRead < 4;
}
