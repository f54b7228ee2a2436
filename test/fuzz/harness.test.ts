import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { fuzz } from './harness.js';

const file = join(mkdtempSync(join(tmpdir(), 'millrace-harness-')), 'zeros.bin');
writeFileSync(file, new Uint8Array(2));
const target = {
  reader: new URL('readers/broken.js', import.meta.url),
  corpus: [file],
  mutations: 60,
  cpuSeconds: 1,
  protects: () => true,
};

afterEach(() => {
  delete process.env.MILLRACE_FUZZ_FAULT;
});

test.each([
  ['untyped', /TypeError: no class of ours/],
  ['loop', /hangs: more than 1 seconds of processor time/],
  ['never', /hangs: its promise never settles/],
  ['memory', /MiB of memory/],
  ['death', /the process ended \(3\)/],
  ['stray', /outside of the reader's promise: SyntaxError/],
  ['other', /other values, although a checksum covers/],
])('the harness sees a reader with the fault "%s"', async (fault, message) => {
  process.env.MILLRACE_FUZZ_FAULT = fault;
  const failure = await fuzz(target).then(String, String);
  expect(failure).toMatch(message);
  expect(failure).toMatch(/seed 1, mutation \d+ \(zeros.bin: /);
});

test('the harness counts typed errors and values, the same ones for one seed', async () => {
  const report = await fuzz(target);
  expect(report).toEqual(await fuzz(target));
  expect(report.refused.ERR_MILLRACE_FORMAT).toBeGreaterThan(10);
  expect(report.same).toBeGreaterThan(5);
  expect(report.other).toBe(0);
});
