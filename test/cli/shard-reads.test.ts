import { ArrayDataset, DataLoader } from 'millrace';
import { describe, expect, it } from 'vitest';
import { decodesAgain, shardReadsOf, shardReadsText } from '../../dist/cli/shard-reads.js';

/** Rows of 40 shards. Counts how often one is decoded, if eight stay decoded. */
class Rows {
  readonly decodesShards = true;
  readonly shardLengths = Array.from({ length: 40 }, () => 50);
  readonly length = 2_000;
  decoded = 0;
  #kept: number[] = [];

  get(index: number): number {
    const shard = Math.floor(index / 50);
    if (!this.#kept.includes(shard)) this.decoded += 1;
    this.#kept = [...this.#kept.filter((other) => other !== shard), shard].slice(-8);
    return index;
  }
}

describe('how often an order decodes blocks', () => {
  it.each([false, 'shards', true] as const)('is what iterating with shuffle: %s does', async (shuffle) => {
    const rows = new Rows();
    const loader = new DataLoader(rows, { batchSize: 10, shuffle });
    const reads = shardReadsOf(loader)!;
    for await (const _ of loader);
    expect(reads.perShard).toBeCloseTo(rows.decoded / 40, 10);
    expect(decodesAgain(reads)).toBe(shuffle === true);
  });

  it('counts the blocks of each worker', () => {
    const loader = new DataLoader(new Rows(), { batchSize: 10, shuffle: 'shards', numWorkers: 2 });
    const reads = shardReadsOf(loader)!;
    expect(reads.perShard).toBeCloseTo(2, 1);
    expect(shardReadsText(reads)).toBe('each of 40 row groups or record batches about 2 times an epoch');
  });

  it('is not required of data that is not decoded in blocks', () => {
    expect(shardReadsOf(new DataLoader(new ArrayDataset([1, 2, 3]), { batchSize: 1 }))).toBeUndefined();
  });
});
