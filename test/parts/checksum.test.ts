import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StorageError } from 'millrace/errors';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isIntact, readBack } from '../../dist/parts/checksum.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-checksum-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const sha256 = createHash('sha256').update('as it was meant').digest('hex');

it('a file counts as written only if the disk returns the bytes that were written', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, 'as it was meant');
  const file = await readBack(path, sha256);
  expect(file).toEqual({ name: 'file', byteLength: 15, sha256 });
  expect(await isIntact(folder, file)).toBe(true);
  for (const wrong of ['as it was mean?', 'as it was', '']) {
    writeFileSync(path, wrong);
    await expect(readBack(path, sha256)).rejects.toThrow(StorageError);
    expect(await isIntact(folder, file)).toBe(false);
  }
  rmSync(path);
  expect(await isIntact(folder, file)).toBe(false);
});
