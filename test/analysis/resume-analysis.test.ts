import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesIn } from '../parity/analyzer-case.js';
import { searchSize } from '../setup/search-size.js';

const script = fileURLToPath(new URL('../fixtures/analyze.js', import.meta.url));
const samples = 40_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-resume-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly read: number;
  readonly wasThere: boolean;
}

/** Runs the analysis; with `reports` it is killed as soon as it has reported so often. */
function analyze(output: string, reports = Number.POSITIVE_INFINITY): Promise<Ended | 'killed'> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, output, String(samples)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      if (text.split('\n').length > reports) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (signal === 'SIGKILL') resolve('killed');
      else if (status === 0) resolve(JSON.parse(text.trim().split('\n').at(-1)!) as Ended);
      else reject(new Error(`ended with ${status}`));
    });
  });
}

const partsIn = (output: string): string[] =>
  readdirSync(join(output, '.parts'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));

describe('an analysis that is killed', () => {
  let whole: ReturnType<typeof filesIn>;
  beforeAll(async () => {
    const output = join(folder, 'whole');
    // Two passes: counts, then values.
    expect(await analyze(output)).toEqual({ read: 2 * samples, wasThere: false });
    whole = filesIn(output);
  });

  it('continues after an interruption at any moment, and writes the same bytes', async () => {
    let mostSaved = 0;
    for (let reports = 1; reports <= 32; reports += searchSize({ short: 15, long: 5 })) {
      const output = join(folder, `killed-${reports}`);
      const first = await analyze(output, reports);
      const second = await analyze(output);
      expect(filesIn(output)).toEqual(whole);
      if (first === 'killed') mostSaved = Math.max(mostSaved, 2 * samples - (second as Ended).read);
    }
    expect(mostSaved).toBeGreaterThan(samples);
  });

  it('finds that it is done, and repeats nothing', async () => {
    expect(await analyze(join(folder, 'whole'))).toEqual({ read: 0, wasThere: true });
    expect(filesIn(join(folder, 'whole'))).toEqual(whole);
  });

  it('measures a part again that is cut short or damaged', async () => {
    const output = join(folder, 'damaged');
    expect(await analyze(output, 22)).toBe('killed');
    const parts = partsIn(output).filter((path) => /seqlen-.*\.part$/.test(path));
    expect(parts.length).toBeGreaterThan(1);
    truncateSync(parts[0]!, 1_000);
    const bytes = readFileSync(parts[1]!);
    bytes[bytes.length - 5]! ^= 255;
    writeFileSync(parts[1]!, bytes);
    for (const path of partsIn(output).filter((name) => name.includes('counts-0')))
      writeFileSync(path, readFileSync(path).subarray(0, 50));
    await analyze(output);
    expect(filesIn(output)).toEqual(whole);
  });
});
