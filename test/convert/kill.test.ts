import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { isLong } from '../setup/search-size.js';
import { bytesOf } from './folder-bytes.js';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

let folder: string;
let lines: string;
let files: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-kill-'));
  lines = join(folder, 'lines.jsonl');
  files = join(folder, 'files');
  const texts = Array.from({ length: 2_000 }, (_, k) => ({ text: `text ${k} `.repeat(1 + (k % 30)), id: k }));
  writeFileSync(lines, texts.map((row) => `${JSON.stringify(row)}\n`).join(''));
  mkdirSync(files);
  for (let k = 0; k < 400; k++) writeFileSync(join(files, `${k}.txt`), `file ${k} `.repeat(50));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a conversion, and kills it with all its threads as soon as something holds of what it has written in the folders. */
async function run(
  args: readonly string[],
  killWhen?: { readonly folders: readonly string[]; readonly holds: () => boolean },
): Promise<{ status: number | null; stderr: string }> {
  const child = spawn(process.execPath, [main, 'convert', ...args, '--workers', '2', '--json']);
  let stderr = '';
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  const watched = new AbortController();
  if (killWhen) {
    const { folders, holds } = killWhen;
    const unwatched = new Set(folders);
    const look = () => {
      for (const folder of unwatched)
        if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
          unwatched.delete(folder);
          watch(folder, { signal: watched.signal }, look);
        }
      if (holds()) child.kill('SIGKILL');
    };
    look();
  }
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  watched.abort();
  return { status, stderr };
}

it.each([
  ['tokens', () => [lines, '--tokenizer', 'bytes', '--shard-samples', '100']],
  ['parquet', () => [lines, '--to', 'parquet', '--shard-samples', '100']],
  ['webdataset', () => [files, '--to', 'webdataset', '--shard-samples', '15']],
] as const)(
  'a conversion to %s that is killed again and again, at any moments, ends with the same bytes',
  async (to, argsOf) => {
    const whole = join(folder, `whole-${to}`, 'out');
    expect(await run([...argsOf(), '--output', whole])).toEqual({ status: 0, stderr: '' });
    const expected = bytesOf(join(folder, `whole-${to}`));
    const where = join(folder, `killed-${to}`);
    const output = join(where, 'out');
    const work = `${output}.converting`;
    const folders = [where, work, output];
    const args = [...argsOf(), '--output', output];
    mkdirSync(where);
    const afterParts = () => {
      const enough = receipts(work) + 1 + Math.floor(Math.random() * 6);
      return () => receipts(work) >= enough;
    };
    const exists = (path: string) => () => existsSync(path);
    const finishing =
      to === 'tokens'
        ? [join(work, 'merged.bin'), `${output}.bin`, `${output}.idx`, `${output}.convert.json`]
        : [output];
    const early = isLong ? [exists(work), undefined, undefined, undefined] : [];
    const moments = [...early, undefined, ...finishing.map(exists)];
    let kills = 0;
    let keptParts = 0;
    const convertAndKill = async (holds: () => boolean): Promise<void> => {
      const before = receipts(work);
      const { status, stderr } = await run(args, { folders, holds });
      expect(stderr).toBe('');
      if (status === null) kills += 1;
      if (before > 0) keptParts = Math.max(keptParts, before);
      // What has its final name is whole, whenever the kill came.
      const present = bytesOf(where);
      for (const [name, hash] of Object.entries(expected))
        if (present[name] !== undefined) expect([name, present[name]]).toEqual([name, hash]);
    };
    for (const moment of moments) await convertAndKill(moment ?? afterParts());
    // On a busy machine a conversion can end before the kill comes. Not killed at work, it would show nothing.
    while (kills < 2 || keptParts === 0) {
      rmSync(where, { recursive: true });
      mkdirSync(where);
      for (let k = 0; k < 3; k++) await convertAndKill(afterParts());
    }
    expect(await run(args)).toEqual({ status: 0, stderr: '' });
    expect(bytesOf(where)).toEqual(expected);
  },
);

/** Parts that are whole. */
function receipts(work: string): number {
  return listed(work).filter((name) => /^\d+\.json$/.test(name)).length;
}

function listed(work: string): string[] {
  try {
    return readdirSync(work);
  } catch {
    return [];
  }
}
