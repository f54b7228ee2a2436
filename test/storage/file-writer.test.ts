import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWriter } from '../../dist/storage/file-writer.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-writer-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('FileWriter', () => {
  it('writes pieces of any size in order', () => {
    const path = join(folder, 'out');
    const sizes = fc.array(fc.oneof(fc.nat(50), fc.integer({ min: 1_000_000, max: 1_200_000 })), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const pieces = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
        const writer = new FileWriter(path);
        for (const piece of pieces) writer.append(piece);
        expect(writer.byteLength).toBe(lengths.reduce((a, b) => a + b, 0));
        writer.finish();
        writer.publish();
        expect(readFileSync(path).equals(Buffer.concat(pieces))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('shows nothing under the final name before it is published', () => {
    const path = join(folder, 'out');
    writeFileSync(path, 'old');
    const writer = new FileWriter(path);
    writer.append(new Uint8Array(5));
    writer.finish();
    expect(readFileSync(path, 'utf8')).toBe('old');
    writer.publish();
    expect(readFileSync(path).length).toBe(5);
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('leaves nothing behind when it is discarded, and refuses to go on', () => {
    const writer = new FileWriter(join(folder, 'out'));
    writer.append(new Uint8Array(5));
    writer.discard();
    expect(readdirSync(folder)).toEqual([]);
    expect(() => writer.finish()).toThrow(/finished or discarded/);
  });

  it('says which folder is missing', () => {
    expect(() => new FileWriter(join(folder, 'absent', 'out'))).toThrow(
      /absent\/out.*ENOENT.*Check the path/,
    );
  });

  it.runIf(existsSync('/dev/full'))('reports a full disk with the file and what to do', () => {
    const path = join(folder, 'out');
    symlinkSync('/dev/full', path);
    const writer = new FileWriter(path);
    writer.append(new Uint8Array(5));
    expect(() => writer.finish()).toThrow(
      expect.objectContaining({
        code: 'ERR_MILLRACE_STORAGE',
        where: { file: path, reason: 'ENOSPC' },
        message: expect.stringContaining('Make room on the disk'),
      }),
    );
  });
});
