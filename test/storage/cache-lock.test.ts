import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { CacheLock } from '../../dist/storage/cache-lock.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-cache-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'entry.lock');

it('is not given for work that was done between the first look and the creation of the lock', async () => {
  let looks = 0;
  expect(await CacheLock.acquire(path, () => looks++ > 0)).toBeUndefined();
  expect(existsSync(path)).toBe(false);
});

it('is given while the work is to be done, and its file goes with its release', async () => {
  const lock = await CacheLock.acquire(path, () => false);
  expect(existsSync(path)).toBe(true);
  lock?.release();
  expect(existsSync(path)).toBe(false);
});
