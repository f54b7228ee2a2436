// Whole batches of windows are filled by SIMD where there is any: they must be what collating single windows gives.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { type DType, defaultCollate, type Tensor, tensor } from 'millrace';
import { IndexedDataset, IndexedDatasetBuilder } from 'millrace/formats';
import { TokenWindows } from 'millrace/tokens';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LentMemory, OwnedMemory } from '../../dist/loader/batch/batch-memory.js';
import { searchSize } from '../setup/search-size.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-windows-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const stored = ['uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'float32', 'float64'] as const;
const arrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
};

function tokensOf(dtype: (typeof stored)[number], count: number): Tensor {
  const value = (i: number): number => ((Math.imul(i + 1, 2_654_435_761) >>> 7) % 60_000) - 30_000;
  if (dtype === 'int64') return tensor(BigInt64Array.from({ length: count }, (_, i) => BigInt(value(i))));
  const values = new arrays[dtype](count);
  for (let i = 0; i < count; i++) values[i] = value(i);
  return tensor(values as Int32Array);
}

/** A batch made whole, in memory of a kind. */
function wholeBatch(windows: TokenWindows<DType>, indices: readonly number[], lent: boolean) {
  const memory = lent ? new LentMemory() : new OwnedMemory();
  // The first batch in lent memory finds no slot yet.
  for (let k = 0; k < 2; k++) {
    memory.begin();
    const { x, y } = windows.getBatch(indices, { allocate: memory.allocate } as never);
    const copy = { x: { ...x, data: x.data.slice() }, y: { ...y, data: y.data.slice() } };
    const { slot } = memory.end();
    if (slot !== undefined && memory instanceof LentMemory) memory.release(slot);
    if (k === 1) return copy;
  }
  throw new Error('unreachable');
}

describe('a batch of token windows', () => {
  it('is what collating its windows gives: any dtypes, lengths and strides, from memory and from a file', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          from: fc.constantFrom(...stored),
          to: fc.constantFrom('int32' as const, 'same' as const, 'int64' as const, 'float32' as const),
          length: fc.integer({ min: 1, max: 70 }),
          stride: fc.integer({ min: 1, max: 90 }),
          picks: fc.array(fc.nat(), { minLength: 1, maxLength: 20 }),
          file: fc.boolean(),
        }),
        async ({ from, to, length, stride, picks, file }) => {
          const tokens = tokensOf(from, 700);
          const dtype = to === 'same' ? from : to;
          let source: Tensor | IndexedDataset = tokens;
          if (file && !from.startsWith('float')) {
            const prefix = join(folder, 'tokens');
            const builder = new IndexedDatasetBuilder(prefix, { dtype: from, dtypeTable: 'deepspeed' });
            builder.addItem(tokens);
            builder.finalize();
            source = await IndexedDataset.open(prefix, { dtypeTable: 'deepspeed' });
          }
          const windows = new TokenWindows(source, { length, stride, dtype });
          const indices = picks.map((pick) => pick % windows.length);
          const expected = defaultCollate(indices.map((index) => windows.get(index)));
          for (const lent of [false, true]) expect(wholeBatch(windows, indices, lent)).toEqual(expected);
          await windows.close();
        },
      ),
      { numRuns: searchSize({ short: 50, long: 150 }) },
    );
  });

  it('passes in pieces where it is large', () => {
    const windows = new TokenWindows(tokensOf('uint16', 200_000), { length: 9_000, stride: 1 });
    const indices = Array.from({ length: 90 }, (_, k) => k * 1_003);
    const batch = wholeBatch(windows, indices, true);
    indices.forEach((index, k) => {
      expect(batch.y.data.subarray(k * 9_000, (k + 1) * 9_000)).toEqual(windows.get(index).y.data);
    });
  });

  it('is the same without WebAssembly', async () => {
    const script = `
      import { createHash } from 'node:crypto';
      import { DataLoader, tensor } from 'millrace';
      import { TokenWindows } from 'millrace/tokens';
      const tokens = tensor(Uint16Array.from({ length: 5000 }, (_, i) => (i * 40503) % 65536));
      const windows = new TokenWindows(tokens, { length: 33, stride: 7 });
      const hash = createHash('sha256');
      for await (const { x, y } of new DataLoader(windows, { batchSize: 9, shuffle: true, reuseBuffers: true }))
        hash.update(x.data).update(y.data);
      console.log(typeof WebAssembly, hash.digest('hex'));`;
    const run = (...flags: string[]): string[] =>
      execFileSync(process.execPath, [...flags, '--input-type=module', '-e', script], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
        .trim()
        .split(' ');
    const [withIt, hash] = run();
    expect(withIt).toBe('object');
    expect(run('--jitless')).toEqual(['undefined', hash]);
  });
});

describe('a loader over token windows', () => {
  // An epoch has 25 MB of batches, of which nothing may be kept. Workers that live on collect when they like, and grow a little for
  // about 150 epochs.
  it.each([true, false])('keeps its memory over many epochs, persistentWorkers: %s', (persistentWorkers) => {
    const epochs = searchSize({ short: 12, long: 60 });
    const script = fileURLToPath(new URL('../fixtures/epochs.js', import.meta.url));
    const args = ['--expose-gc', script, String(epochs), String(persistentWorkers)];
    const resident = JSON.parse(execFileSync(process.execPath, args).toString()) as number[];
    expect(resident).toHaveLength(epochs);
    const sixth = epochs / 6;
    const least = (start: number): number => Math.min(...resident.slice(start, start + sixth));
    expect(least(5 * sixth) - least(sixth)).toBeLessThan(60);
  });
});
