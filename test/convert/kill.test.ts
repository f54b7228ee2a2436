import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bytesOf } from './folder-bytes.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

let folder: string;
let lines: string;
let files: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-kill-'));
  lines = join(folder, 'lines.jsonl');
  files = join(folder, 'files');
  const texts = Array.from({ length: 4_000 }, (_, k) => ({ text: `text ${k} `.repeat(1 + (k % 30)), id: k }));
  writeFileSync(lines, texts.map((row) => `${JSON.stringify(row)}\n`).join(''));
  mkdirSync(files);
  for (let k = 0; k < 600; k++) writeFileSync(join(files, `${k}.txt`), `file ${k} `.repeat(50));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a conversion, and kills it with all its threads after so many milliseconds. */
function run(
  args: readonly string[],
  killAfterMs?: number,
): Promise<{ status: number | null; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, 'convert', ...args, '--workers', '2', '--json']);
    let stderr = '';
    child.stderr.on('data', (piece) => {
      stderr += piece;
    });
    const timer =
      killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    child.on('error', reject);
    child.on('close', (status) => {
      clearTimeout(timer);
      resolve({ status, stderr });
    });
  });
}

it.each([
  ['tokens', () => [lines, '--tokenizer', 'bytes', '--shard-samples', '25']],
  ['parquet', () => [lines, '--to', 'parquet', '--shard-samples', '100']],
  ['webdataset', () => [files, '--to', 'webdataset', '--shard-samples', '10']],
] as const)(
  'a conversion to %s that is killed at any moments ends with the same bytes',
  async (to, argsOf) => {
    const started = performance.now();
    const whole = join(folder, `whole-${to}`, 'out');
    expect(await run([...argsOf(), '--output', whole])).toEqual({ status: 0, stderr: '' });
    const wholeMs = performance.now() - started;
    const expected = bytesOf(join(folder, `whole-${to}`));
    const where = join(folder, `killed-${to}`);
    const args = [...argsOf(), '--output', join(where, 'out')];
    let kills = 0;
    let partsSeen = 0;
    for (let status: number | null = null, tries = 0; status !== 0; tries++) {
      // Later and later, so that it comes to an end: at first before there is anything, at last while the output takes its name.
      const result = await run(args, tries < 40 ? wholeMs * (0.2 + 0.8 * Math.random()) : undefined);
      expect(result.stderr).toBe('');
      status = result.status;
      if (status === null) kills += 1;
      const work = join(where, 'out.converting', 'parts');
      partsSeen = Math.max(partsSeen, partCount(work));
      // What has its final name is whole, whenever the kill came.
      const published = bytesOf(where);
      for (const [name, hash] of Object.entries(expected))
        if (published[name] !== undefined) expect([name, published[name]]).toEqual([name, hash]);
    }
    expect(bytesOf(where)).toEqual(expected);
    // Not killed at all would show nothing.
    expect(kills).toBeGreaterThan(0);
    expect(partsSeen).toBeGreaterThan(0);
  },
);

function partCount(folderOfParts: string): number {
  try {
    return readdirSync(folderOfParts).filter((name) => !name.endsWith('.partial')).length;
  } catch {
    return 0;
  }
}
