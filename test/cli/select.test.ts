import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from 'millrace/formats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runInOneProcess } from './in-one-process.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-select-command-'));
  const rows = Array.from({ length: 40 }, (_, id) => ({ id, score: id % 4, text: `<b>text</b> ${id % 30}` }));
  writeFileSync(join(folder, 'raw.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  writeFileSync(join(folder, 'keep.mjs'), 'export const few = ({ id }) => id < 38;\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: string[]) => runInOneProcess(args, { cwd: folder });
const rules = ['--where', '{"score":{"gte":1}}', '--filter', './keep.mjs#few', '--dedup', 'exact'];

it('reports what each rule removed, in the terminal, as JSON and on a page', async () => {
  const select = [
    'select',
    'raw.jsonl',
    '--output',
    'selection',
    ...rules,
    '--splits',
    'train=0.5',
    'test=50%',
  ];
  const { stdout, stderr, status } = await run(...select, '--html', 'page.html', '--workers', '1');
  expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringMatching(/Measuring/) });
  expect(stdout).toMatch(/^Selected 24 of 40 samples \(60\.0 %\) into selection\./);
  expect(stdout).toMatch(/where +10 +25\.0 % +sample 0: <b>text<\/b> 0\n/);
  expect(stdout).toMatch(/filter +2 +5\.0 % +sample 38: /);
  expect(stdout).toMatch(/exact duplicate +4 +10\.0 % +sample 31: /);
  expect(stdout).toMatch(/Use it: millrace convert … --selection selection#train\n/);
  const page = readFileSync(join(folder, 'page.html'), 'utf8');
  expect(page).toContain('Sample 31 repeats sample 1');
  expect(page).toContain('&lt;b&gt;text&lt;/b&gt; 1');
  expect(page).not.toContain('<b>text');
  const again = await run(...select, '--json');
  const { splits, ...report } = JSON.parse(again.stdout) as { splits: Record<string, number>; kept: number };
  expect(report).toMatchObject({ output: 'selection', kept: 24, samples: 40 });
  // The selection is what `convert` and `openDataset` read.
  const rows = ['convert', 'raw.jsonl', '--to', 'jsonl', '--selection'];
  expect(await run(...rows, 'selection#test', '--output', 'test')).toMatchObject({ status: 0 });
  const { dataset } = await openDataset(join(folder, 'test'));
  expect(dataset.length).toBe(splits.test);
  await dataset.close?.();
  const unnamed = await run(...rows, 'selection', '--output', 'none');
  expect(unnamed).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/must name a split: .*selection#train/),
  });
});

it.each([
  ['--where', '{score}', /Write it as JSON in quotes/],
  ['--splits', 'train', /Write it as name=share/],
  ['--min-hash', '14', /Write it as bands, hashes of a band and words/],
  ['--filter', './none.mjs', /file \.\/none\.mjs does not exist/],
  ['--quality', 'none', /there is no rule none; there are gopher-quality/],
  ['--engine', 'bullmq', /--redis: is missing/],
])('explains a wrong %s', async (flag, value, message) => {
  const { status, stderr } = await run(
    'select',
    'raw.jsonl',
    '--output',
    'wrong',
    flag,
    value,
    '--workers',
    '0',
  );
  expect(status).not.toBe(0);
  expect(stderr).toMatch(message);
});
