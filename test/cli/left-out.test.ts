import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runInOneProcess as runCommand } from './in-one-process.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-left-out-'));
afterAll(() => rmSync(folder, { recursive: true }));
const rows = Array.from({ length: 8 }, (_, id) => `${JSON.stringify({ id })}\n`).join('');
writeFileSync(join(folder, 'README.md'), '# Card\n');
writeFileSync(join(folder, 'train.jsonl'), rows);
writeFileSync(join(folder, 'test.jsonl'), rows);

const leftOut = 'README.md (a note), test.jsonl (the split test)';

describe('files of a folder that are not data', () => {
  it('are shown by inspect', async () => {
    const { status, stdout, stderr } = await runCommand(['inspect', folder]);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`left out     ${leftOut}`);
    expect(stdout).toMatch(/samples +8\n/);
  });

  it('are shown by doctor, but are not a finding', async () => {
    const { status, stdout } = await runCommand(['doctor', folder]);
    expect(status).toBe(0);
    expect(stdout).toContain(`Not read of ${folder}: ${leftOut}.`);
    const json = await runCommand(['doctor', folder, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ findings: [], leftOut: [`${folder}: ${leftOut}`] });
  });

  it('are not converted', async () => {
    const output = join(folder, '.output');
    const { stdout } = await runCommand(['convert', folder, '--to', 'parquet', '--output', output, '--json']);
    expect(stdout).toMatch(/"samples":8/);
  });
});
