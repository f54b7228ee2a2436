import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { StorageError, TruncatedFileError } from 'millrace/errors';
import { FileSource, type LocalSource, MemorySource, openSource } from 'millrace/storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const content = Uint8Array.from({ length: 300 }, (_, i) => (i * 7) % 256);
let folder = '';
let path = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-storage-'));
  path = join(folder, 'content');
  writeFileSync(path, content);
});
afterAll(() => rmSync(folder, { recursive: true }));

const sources: [string, () => LocalSource][] = [
  ['FileSource', () => new FileSource(path)],
  ['MemorySource', () => new MemorySource(Buffer.from(content))],
];

describe.each(sources)('%s keeps the contract of a byte source', (_, open) => {
  it('reads any range, in both ways, into memory of its own', async () => {
    const source = open();
    await fc.assert(
      fc.asyncProperty(fc.nat(300), fc.nat(300), async (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        for (const bytes of [source.readSync(start, end), await source.read(start, end)]) {
          expect(bytes).toEqual(content.subarray(start, end));
          expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, end - start]);
        }
      }),
    );
    expect(source.byteLength).toBe(300);
    const pieces: Uint8Array[] = [];
    for await (const piece of source.stream(17)) pieces.push(piece);
    expect(Buffer.concat(pieces)).toEqual(Buffer.from(content.subarray(17)));
    source.close();
  });

  it('says how many bytes are missing when it ends too early', async () => {
    const source = open();
    const place = { file: source.name, byteOffset: 290, needed: 20, found: 10 };
    expect(() => source.readSync(290, 310)).toThrow(expect.objectContaining({ where: place }));
    const error = await source.read(290, 310).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TruncatedFileError);
    expect(error).toMatchObject({ where: place });
    source.close();
  });
});

describe('FileSource', () => {
  it('notices that the file became shorter after it was opened', async () => {
    const shrinking = join(folder, 'shrinking');
    writeFileSync(shrinking, content);
    const source = new FileSource(shrinking);
    truncateSync(shrinking, 100);
    const place = { file: shrinking, byteOffset: 90, needed: 20, found: 10 };
    expect(() => source.readSync(90, 110)).toThrow(expect.objectContaining({ where: place }));
    await expect(source.read(90, 110)).rejects.toMatchObject({ where: place });
    source.close();
  });

  it('says what to do about a missing file and about a folder', () => {
    expect(() => new FileSource(join(folder, 'absent'))).toThrow(/no such file.*absent.*Check the path/);
    expect(() => new FileSource(folder)).toThrow(/it is a folder.*Name a file/);
  });

  it('ends the reads that are under way when it is closed, and refuses later ones', async () => {
    const source = new FileSource(path);
    const reads = Array.from({ length: 20 }, (_, i) => source.read(i, 300));
    source.close();
    source.close();
    for (const [i, bytes] of (await Promise.all(reads)).entries()) expect(bytes).toEqual(content.subarray(i));
    await expect(source.read(0, 1)).rejects.toThrow(StorageError);
    expect(() => source.readSync(0, 1)).toThrow(/was closed/);
  });
});

describe('openSource', () => {
  it('opens a path and a file: URL', async () => {
    for (const name of [path, pathToFileURL(path), pathToFileURL(path).href]) {
      const source = await openSource(name);
      expect([source.name, source.byteLength]).toEqual([path, 300]);
      source.close();
    }
  });

  it('refuses other schemes and says which there are', async () => {
    const opening = openSource('gopher://bucket/key');
    await expect(opening).rejects.toThrow(StorageError);
    await expect(opening).rejects.toThrow(/gopher: URLs.*file:, http:, https:, s3:, gs:, az: or hf:/);
  });
});
