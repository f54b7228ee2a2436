import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KernelMemory, type Region } from '../../dist/kernels/kernel-memory.js';

const units = [64, 256, 4_096, 65_536] as const;
const actions = fc.array(
  fc.record({
    bytes: fc.integer({ min: 0, max: 100_000 }),
    unit: fc.constantFrom(...units),
    /** The region that is freed, as a share of those there are; none below 0. */
    frees: fc.double({ min: -1, max: 0.999, noNaN: true }),
  }),
  { maxLength: 80 },
);

describe('KernelMemory', () => {
  it('gives regions that are aligned, large enough, and of which no two overlap', () => {
    fc.assert(
      fc.property(actions, (steps) => {
        const memory = new KernelMemory();
        const regions: Region[] = [];
        for (const { bytes, unit, frees } of steps) {
          if (frees >= 0 && regions.length > 0) {
            memory.free(regions.splice(Math.floor(frees * regions.length), 1)[0]!);
            continue;
          }
          const region = memory.allocate(bytes, unit)!;
          expect(region.address % unit).toBe(0);
          expect(region.byteLength % unit).toBe(0);
          expect(region.byteLength).toBeGreaterThanOrEqual(bytes);
          expect(region.address + region.byteLength).toBeLessThanOrEqual(memory.buffer.byteLength);
          for (const other of regions) {
            const isApart =
              region.address + region.byteLength <= other.address ||
              other.address + other.byteLength <= region.address;
            expect(isApart).toBe(true);
          }
          regions.push(region);
        }
      }),
    );
  });

  it('joins what is freed, in any order: all of it fits one region again, without growing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 50_000 }), fc.constantFrom(...units), fc.nat()), {
          minLength: 1,
          maxLength: 30,
        }),
        (wanted) => {
          const memory = new KernelMemory();
          const regions = wanted.map(([bytes, unit, order]) => ({
            region: memory.allocate(bytes, unit)!,
            order,
          }));
          const grown = memory.buffer.byteLength;
          for (const { region } of regions.sort((a, b) => a.order - b.order)) memory.free(region);
          // The first 64 bytes belong to no region.
          expect(memory.allocate(grown - 64)).toEqual({ address: 64, byteLength: grown - 64 });
          expect(memory.buffer.byteLength).toBe(grown);
        },
      ),
    );
  });

  it('stays as small as what is in use, however sizes change', () => {
    const memory = new KernelMemory();
    let region = memory.allocate(64)!;
    // Images that are each a little larger than the one before.
    for (let bytes = 1_000; bytes < 2_000_000; bytes += 1_000) {
      memory.free(region);
      region = memory.allocate(bytes)!;
    }
    expect(memory.buffer.byteLength).toBeLessThan(2_200_000);
  });
});
