import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { IndexRangeError, StorageError, TruncatedFileError } from 'millrace/errors';
import { FileSource, type LocalSource, MemorySource } from 'millrace/storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryMap } from '../../dist/storage/memory-map.js';
import { ReadSpeed } from '../../dist/storage/read-speed.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-storage-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) % 251);

function file(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Range k begins `starts[k] % 8` bytes into row k; the rest of the target stays as it is. */
function rowsOf(starts: readonly number[], length: number, stride: number, source: Uint8Array): Uint8Array {
  const target = new Uint8Array(starts.length * stride).fill(255);
  starts.forEach((start, k) => {
    target.set(source.subarray(start, start + length), k * stride + (start % 8));
  });
  return target;
}

describe('many ranges at once', () => {
  it('are the same through a memory map, by positioned reads and from memory, near or far apart', () => {
    const path = file('ranges');
    const sources: LocalSource[] = [
      new FileSource(path),
      new FileSource(path, { memoryMap: false }),
      new MemorySource(bytes),
    ];
    const ranges = fc.record({
      length: fc.integer({ min: 0, max: 5_000 }),
      near: fc.boolean(),
      places: fc.array(fc.nat(1_000_000), { maxLength: 40 }),
      extra: fc.integer({ min: 7, max: 70 }),
      shared: fc.boolean(),
    });
    fc.assert(
      fc.property(ranges, ({ length, near, places, extra, shared }) => {
        const span = near ? 20_000 : bytes.length;
        const starts = places.map((place) => place % (span - length));
        const stride = length + extra;
        const expected = rowsOf(starts, length, stride, bytes);
        for (const source of sources) {
          const size = starts.length * stride;
          const target = shared ? new Uint8Array(new SharedArrayBuffer(size)) : new Uint8Array(size);
          target.fill(255);
          source.prefetch?.({ starts, length });
          source.readRangesSync({ starts, length }, target, stride);
          expect(Buffer.compare(target, expected)).toBe(0);
        }
      }),
      { numRuns: 150 },
    );
    for (const source of sources) source.close();
  });

  it('has a memory map here: otherwise the test above would compare reads with reads', () => {
    const descriptor = openSync(file('mapped'), 'r');
    const map = MemoryMap.open(descriptor, bytes.length);
    expect(map).toBeDefined();
    map?.close();
    closeSync(descriptor);
  });

  it('lie in files of more than 4 GiB, too', () => {
    const path = join(folder, 'huge');
    const descriptor = openSync(path, 'w');
    // Full of holes: it takes up a few pages.
    ftruncateSync(descriptor, 5 * 2 ** 30);
    const places = [0, 2 ** 30 - 3, 2 ** 32 - 5, 2 ** 32 + 12_345, 5 * 2 ** 30 - 8];
    for (const [k, place] of places.entries()) writeSync(descriptor, bytes, 1_000 * k, 8, place);
    closeSync(descriptor);
    for (const memoryMap of ['auto', false] as const) {
      const source = new FileSource(path, { memoryMap });
      const target = new Uint8Array(16 * places.length);
      source.readRangesSync({ starts: places, length: 8 }, target, 16);
      places.forEach((place, k) => {
        const at = 16 * k + (place % 8);
        expect(target.subarray(at, at + 8)).toEqual(bytes.subarray(1_000 * k, 1_000 * k + 8));
      });
      source.close();
    }
    rmSync(path);
  });

  it('are read as elements wherever they lie in a file of more than 4 GiB', () => {
    const path = join(folder, 'elements');
    const descriptor = openSync(path, 'w');
    ftruncateSync(descriptor, 5 * 2 ** 30);
    // Elements at both ends of the pieces in which a file is viewed, and runs of them that four do not divide.
    const places = [0, 1, 2, 2 ** 28 - 1, 2 ** 28, 2 ** 28 + 1, 2 ** 30 + 7, 5 * 2 ** 28 - 1];
    for (const place of places) writeSync(descriptor, Uint32Array.of(place + 1), 0, 4, 4 * place);
    closeSync(descriptor);
    const source = new FileSource(path);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...places), { minLength: 1, maxLength: 40 }), (asked) => {
        const found = Float64Array.from(asked);
        source.replaceByElements!(found, 'uint32');
        expect([...found]).toEqual(asked.map((place) => place + 1));
      }),
    );
    source.close();
    rmSync(path);
  });

  it('are an error that says where, when the file has been cut short since it was opened', () => {
    for (const memoryMap of ['auto', false] as const) {
      const path = file(`cut-${memoryMap}`);
      const source = new FileSource(path, { memoryMap });
      truncateSync(path, 100_000);
      const read = () => source.readRangesSync({ starts: [5, 99_990], length: 64 }, new Uint8Array(200), 100);
      expect(read).toThrow(TruncatedFileError);
      expect(read).toThrow(/needed 64 bytes, found 10.*byte offset 99990/);
      source.close();
    }
  });

  it('are refused where they would be copied past the target, or from before the file', () => {
    const sources = [
      new FileSource(file('room')),
      new FileSource(file('room'), { memoryMap: false }),
      new MemorySource(bytes),
    ];
    for (const source of sources) {
      const read = (starts: number[], stride: number) => () =>
        source.readRangesSync({ starts, length: 64 }, new Uint8Array(200), stride);
      read([8, 16, 24], 68)();
      expect(read([8, 16, 24], 71)).toThrow(IndexRangeError);
      expect(read([8, 16, 31], 68)).toThrow(/Range 2 cannot be copied to a target of 200 bytes/);
      expect(read([-8], 100)).toThrow(IndexRangeError);
      expect(read([0.5], 100)).toThrow(IndexRangeError);
      source.close();
    }
  });

  it('are refused beyond the end, and after closing', () => {
    for (const memoryMap of ['auto', false] as const) {
      const source = new FileSource(file('end'), { memoryMap });
      const read = (start: number) => () =>
        source.readRangesSync({ starts: [start], length: 10 }, new Uint8Array(20), 20);
      expect(read(bytes.length - 9)).toThrow(TruncatedFileError);
      source.close();
      expect(read(0)).toThrow(StorageError);
      source.prefetch({ starts: [0], length: 10 });
    }
  });
});

describe('ReadSpeed', () => {
  it('distinguishes a disk from memory, and forgets', () => {
    const speed = new ReadSpeed();
    speed.record(0.05, 32, 32 * 4_096);
    expect(speed.cold).toBe(false);
    for (let k = 0; k < 4; k++) speed.record(5, 32, 32 * 4_096);
    expect(speed.cold).toBe(true);
    for (let k = 0; k < 12; k++) speed.record(0.05, 32, 32 * 4_096);
    expect(speed.cold).toBe(false);
    // A large range that arrives at the speed of memory is not remote.
    for (let k = 0; k < 9; k++) speed.record(50, 1, 2 ** 27);
    expect(speed.cold).toBe(false);
  });

  it('reads ahead from a slow source, and returns the same bytes', async () => {
    for (const memoryMap of ['auto', false] as const) {
      const source = new FileSource(file('ahead'), { memoryMap });
      const target = new Uint8Array(64 * 100);
      const starts = Array.from({ length: 64 }, (_, k) => k * 4_000);
      const now = performance.now.bind(performance);
      let offset = 0;
      // Every look at the clock is 10 ms after the last: reads seem slow.
      performance.now = () => {
        offset += 10;
        return now() + offset;
      };
      try {
        for (let k = 0; k < 8; k++) source.readRangesSync({ starts, length: 64 }, target, 100);
        source.prefetch({ starts, length: 64 });
        source.readRangesSync({ starts, length: 64 }, target, 100);
      } finally {
        performance.now = now;
      }
      expect(target.subarray(100, 164)).toEqual(bytes.subarray(4_000, 4_064));
      source.close();
      await source.read(0, 1).catch((error) => expect(error).toBeInstanceOf(StorageError));
    }
  });
});
