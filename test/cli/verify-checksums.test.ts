// `millrace verify` reads everything, and tells what does not match a checksum: also where reading samples does not check it.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ArrayDataset } from 'millrace';
import { analyzeDifficulty } from 'millrace/analysis';
import { convert } from 'millrace/convert';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runInOneProcess as runCommand } from './in-one-process.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-checksums-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Copies a fixture, and flips a bit of a file of it. */
function damaged(name: string, file: string, offset: (length: number) => number): string {
  const copy = join(folder, name);
  cpSync(fileURLToPath(new URL(`../fixtures/formats/${name}`, import.meta.url)), copy, { recursive: true });
  flip(join(copy, file), offset);
  return copy;
}

function flip(path: string, offset: (length: number) => number): void {
  const bytes = readFileSync(path);
  bytes[offset(bytes.length)]! ^= 1;
  writeFileSync(path, bytes);
}

describe('millrace verify', () => {
  it.each([
    // The last byte of the first array, which is stored as it is.
    [
      'arrays.npz',
      '',
      (bytes: Buffer) => bytes.indexOf('PK\x03\x04', 4) - 1,
      /checksum of .*\.npy does not match/,
    ],
    ['mds', 'shard.00001.mds', (bytes: Buffer) => bytes.length - 1, /does not match its sha1 checksum/],
    ['checked.jsonl.zst', '', (bytes: Buffer) => bytes.length - 1, /checksum does not match/],
    ['rows.jsonl.gz', '', (bytes: Buffer) => bytes.length - 8, /incorrect data check/],
  ])('fails for %s with a wrong checksum', async (name, file, offset, message) => {
    const source = new URL(`../fixtures/formats/${name}${file && `/${file}`}`, import.meta.url);
    const bytes = readFileSync(source);
    const { status, stdout, stderr } = await runCommand(['verify', damaged(name, file, () => offset(bytes))]);
    expect(status).toBe(1);
    expect(stdout + stderr).toMatch(message);
  });

  it('reads a whole .difficulty file', async () => {
    await analyzeDifficulty(new ArrayDataset([[1], [1, 2], [1, 2, 3]].map((x) => Int32Array.from(x))), {
      metrics: ['seqlen'],
      outputDir: folder,
      numWorkers: 0,
    });
    const path = join(folder, 'seqlen', 'seqlen.difficulty');
    expect(await runCommand(['verify', path])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/checksums of .* match: seqlen of 3 samples/) as string,
    });
    flip(path, (length) => length - 1);
    expect(await runCommand(['verify', path])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/checksum of its rows does not match/) as string,
    });
  });

  it('fails if the manifest of a conversion is damaged', async () => {
    const input = join(folder, 'rows.jsonl');
    writeFileSync(input, '{"x":1}\n{"x":2}\n');
    const output = join(folder, 'converted');
    await convert(input, { to: 'parquet', output, numWorkers: 0 });
    expect((await runCommand(['verify', output])).status).toBe(0);
    const manifest = join(output, '_convert.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"samples": 2', '"samples": 3'));
    expect(await runCommand(['verify', output])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/manifest of the conversion is damaged/) as string,
    });
  });
});
