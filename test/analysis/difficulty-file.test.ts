import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { ArrayDataset } from 'millrace';
import { analyzeDifficulty, DifficultyFile, planAnalysis } from 'millrace/analysis';
import { CurriculumSampler, DifficultyValues } from 'millrace/curriculum';
import { FormatError, TruncatedFileError } from 'millrace/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
let runs = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-difficulty-file-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const identity = { name: 'value', measure: (samples: readonly number[]) => samples };

/** The file of these values. */
async function fileOf(values: number[], options = {}): Promise<string> {
  const outputDir = join(folder, String(runs++));
  await analyzeDifficulty(new ArrayDataset(values), {
    outputDir,
    metrics: [identity],
    numWorkers: 0,
    layout: 'native',
    ...options,
  });
  return join(outputDir, 'value', 'value.difficulty');
}

const anyValues = fc.oneof(
  fc.array(fc.integer({ min: -4, max: 9 }), { minLength: 1, maxLength: 60 }),
  fc.array(fc.integer({ min: -(2 ** 40), max: 2 ** 40 }), { minLength: 1, maxLength: 60 }),
  fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 60 }),
);

describe('DifficultyFile', () => {
  it('answers as the values in memory do, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(anyValues, fc.double({ noNaN: true }), async (values, limit) => {
        const file = DifficultyFile.openSync(await fileOf(values));
        const inMemory = new DifficultyValues(values.map((value) => value + 0));
        file.verify();
        expect(file.length).toBe(values.length);
        expect(file.smallest).toBe(inMemory.smallest);
        for (const bound of [...values, limit])
          expect(file.placesUpTo(bound)).toBe(inMemory.placesUpTo(bound));
        const all = Int32Array.from(values.keys());
        const expected = all.slice();
        file.replaceBySamples(all);
        inMemory.replaceBySamples(expected);
        expect(all).toEqual(expected);
        for (const sample of values.keys()) {
          expect(file.placeOf(sample)).toBe(inMemory.placeOf(sample));
          expect(file.valueOf(sample)).toBe(values[sample]! + 0);
        }
        expect(file.placeOf(values.length)).toBeUndefined();
        file.close();
      }),
      { numRuns: 40 },
    );
  });

  it('gives a curriculum the same batches as the values themselves', async () => {
    const values = Array.from({ length: 500 }, (_, i) => (i * 7_919) % 97);
    const file = DifficultyFile.openSync(await fileOf(values));
    const batches = (index: DifficultyFile | number[]) => [
      ...new CurriculumSampler(values.length, {
        batchSize: 16,
        stepsPerEpoch: 40,
        metrics: {
          value: {
            index,
            minDifficulty: 10,
            maxDifficulty: 96,
            schedule: { type: 'linear', totalSteps: 30, difficultyStep: 1 },
          },
        },
      }),
    ];
    expect(batches(file)).toEqual(batches(values));
    file.close();
  });

  it('stores values in the narrowest dtype that holds them', async () => {
    const dtypeOf = async (values: number[]) => {
      const file = DifficultyFile.openSync(await fileOf(values));
      const { valueDtype } = file.header;
      file.close();
      return valueDtype;
    };
    expect(await dtypeOf([0, 255])).toBe('uint8');
    expect(await dtypeOf([-1, 127])).toBe('int8');
    expect(await dtypeOf([256])).toBe('uint16');
    expect(await dtypeOf([2 ** 31])).toBe('uint32');
    expect(await dtypeOf([0.5])).toBe('float64');
  });

  it('refuses a file that is cut short, damaged or another one, and says where', async () => {
    const path = await fileOf([3, 1, 2]);
    const whole = readFileSync(path);
    const withByte = (place: number) => {
      const bytes = Buffer.from(whole);
      bytes[place]! ^= 1;
      return bytes;
    };
    const open = (bytes: Uint8Array) => {
      writeFileSync(path, bytes);
      return DifficultyFile.openSync(path);
    };
    expect(() => open(whole.subarray(0, 100))).toThrow(TruncatedFileError);
    expect(() => open(whole.subarray(0, whole.length - 1))).toThrow(TruncatedFileError);
    expect(() => open(withByte(0))).toThrow(FormatError);
    expect(() => open(withByte(20))).toThrow(/damaged header/);
    for (const [place, section] of [
      [256, 'order'],
      [272, 'values'],
      [whole.length - 1, 'rows'],
    ] as const)
      expect(() => open(withByte(place)).verify()).toThrow(new RegExp(`checksum of its ${section}`));
  });
});

describe('planAnalysis', () => {
  it('covers all samples, stays within the memory, or says how much is needed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e10 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 64e6, max: 4e9 }),
        (samples, valueMetrics, threads, memoryBytes) => {
          const size = { samples, valueMetrics, threads, memoryBytes };
          try {
            const { ranges, peakBytes } = planAnalysis(size);
            expect(peakBytes).toBeLessThanOrEqual(memoryBytes);
            expect(ranges[0]![0]).toBe(0);
            expect(ranges.at(-1)![1]).toBe(samples);
            for (const [part, [start, end]] of ranges.entries()) {
              expect(end).toBeGreaterThan(start);
              if (part > 0) expect(start).toBe(ranges[part - 1]![1]);
            }
          } catch (error) {
            const enough = Number(/the minimum is (\d+) MB/.exec((error as Error).message)?.[1]);
            expect(planAnalysis({ ...size, memoryBytes: enough * 1e6 }).ranges.length).toBeGreaterThan(0);
          }
        },
      ),
    );
  });
});
