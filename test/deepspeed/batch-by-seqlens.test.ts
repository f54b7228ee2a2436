import fc from 'fast-check';
import { batchBySeqlens } from 'millrace/deepspeed';
import { describe, expect, it } from 'vitest';
import type { BatchBySeqlensOptions, SequencePickingOrder } from '../../dist/deepspeed/batch-by-seqlens.js';

const lengths = [5, 3, 9, 2, 2, 7, 1, 4, 6, 3, 8, 2];

describe('batchBySeqlens', () => {
  it('uses the last sequences, which DeepSpeed loses', () => {
    const packed = batchBySeqlens(lengths, { maxTokens: 10 });
    expect(packed.microbatchIds.map(([, ids]) => ids)).toEqual([
      [0, 1],
      [2],
      [3, 4],
      [5, 6],
      [7, 8],
      [9],
      [10, 11],
    ]);
    expect(packed.leftOut).toEqual([]);
  });

  it('continues after a position where nothing fits, and reports what it left out', () => {
    const packed = batchBySeqlens(lengths, { maxTokens: 10, minBatchSize: 2 });
    expect(packed.microbatchIds.map(([, ids]) => ids)).toEqual([
      [0, 1],
      [3, 4],
      [5, 6],
      [7, 8],
      [10, 11],
    ]);
    expect(packed.leftOut).toEqual([2, 9]);
  });

  it('reports sequences that are too long and those behind the last full batch', () => {
    const packed = batchBySeqlens([4, 40, 4, 4], { maxTokens: 4, effectiveBatchSize: 2 });
    expect(packed.microbatchIds).toEqual([
      [0, [0]],
      [0, [2]],
    ]);
    expect(packed.leftOut).toEqual([1, 3]);
  });

  it('puts every sequence into one batch or into leftOut, within all limits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 40, max: 120 }),
        fc.constantFrom<SequencePickingOrder>('dataloader', 'random', 'seqlen'),
        fc.integer({ min: 0, max: 5 }),
        (seqlens, maxTokens, sequencePickingOrder, maxBatchSize) => {
          const packed = batchBySeqlens(seqlens, { maxTokens, sequencePickingOrder, maxBatchSize });
          const placed = packed.microbatchIds.flatMap(([, ids]) => ids);
          expect([...placed, ...packed.leftOut].sort((a, b) => a - b)).toEqual(seqlens.map((_, id) => id));
          for (const [, ids] of packed.microbatchIds) {
            expect(ids.reduce((sum, id) => sum + seqlens[id]!, 0)).toBeLessThanOrEqual(maxTokens);
            if (maxBatchSize > 0) expect(ids.length).toBeLessThanOrEqual(maxBatchSize);
          }
        },
      ),
    );
  });

  it('packs a million sequences in about linear time', () => {
    const seqlens = Int32Array.from({ length: 1_000_000 }, (_, id) => (id * 7919) % 512);
    const packed = batchBySeqlens(seqlens, { maxTokens: 8192 });
    expect(packed.batchSizes.reduce((sum, size) => sum + size, 0)).toBe(1_000_000);
  });

  it.each([
    [{ maxTokens: 0 }, 'maxTokens'],
    [{ maxTokens: 10, sequencePickingOrder: 'longest' }, 'sequencePickingOrder'],
    [{ maxTokens: 10, sequenceIds: [99] }, 'sequenceIds'],
    [{ maxTokens: 10, effectiveBatchSize: 99 }, 'effectiveBatchSize'],
  ])('refuses %j and names the field', (options, field) => {
    expect(() => batchBySeqlens(lengths, options as BatchBySeqlensOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG', field }),
    );
  });
});
