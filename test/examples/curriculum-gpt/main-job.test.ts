// Runs the example on little text with a small token budget, translated to JavaScript once: tsx would translate it in each process
// and thread. `scripts/check-main-job.js` runs it with tsx as `npm start` does, on its default text.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runNode } from '../../cli/run-command.js';
import { isLong } from '../../setup/search-size.js';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const runExample = (args: readonly string[], options: { interruptAfter?: string } = {}) =>
  runNode([join(program, 'main.js'), ...args], options);

const text = path('../../../docs/guides');
const tokens = 1_200;
let folder: string;
let program: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-main-job-'));
  // Inside the repository, where packages are found.
  program = mkdtempSync(path('main-job-'));
  await build({
    entryPoints: [path('../../../examples/curriculum-gpt/main.ts')],
    outdir: program,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
  });
});
afterAll(() => {
  for (const each of [folder, program]) rmSync(each, { recursive: true, force: true });
});

interface Summary {
  runs: { order: string; tokens: number; steps: number; validationLoss: number }[];
  lowerLoss: string | null;
}
const essence = ({ runs }: Summary) =>
  runs.map(({ order, tokens: seen, steps, validationLoss }) => ({ order, seen, steps, validationLoss }));

describe('examples/curriculum-gpt', () => {
  it('trains in both orders at equal budget, and a resumed run ends with the losses of an uninterrupted one', async () => {
    const withOutput = (output: string, ...rest: string[]) => [
      '--data',
      text,
      '--tokens',
      String(tokens),
      '--output',
      join(folder, output),
      ...rest,
    ];

    const whole = await runExample(withOutput('whole', '--json'));
    expect(whole.stderr).toBe('');
    expect(whole.status).toBe(0);
    const summary: Summary = JSON.parse(whole.stdout);
    expect(summary.runs.map(({ order }) => order)).toEqual(['uniform', 'curriculum']);
    for (const run of summary.runs) {
      expect(run.tokens).toBe(tokens);
      expect(run.validationLoss).toBeLessThan(Math.log(1024));
    }

    const moments = [...(isLong ? ['Analyzing difficulty'] : []), 'Training, uniform'];
    for (const [k, interruptAfter] of moments.entries()) {
      const resumed = k === 0 ? [] : ['--resume'];
      const interrupted = await runExample(withOutput('resumed', ...resumed), { interruptAfter });
      expect(interrupted.status).toBe(130);
      expect(interrupted.stderr).toContain('--resume');
    }
    const last = await runExample(withOutput('resumed', '--resume', '--json'));
    expect(last.status).toBe(0);
    expect(essence(JSON.parse(last.stdout))).toEqual(essence(summary));

    const report = readFileSync(join(folder, 'resumed', 'report.html'), 'utf8');
    expect(report).toContain('<svg');
    const config = JSON.parse(readFileSync(join(folder, 'whole', 'ds_config_curriculum.json'), 'utf8'));
    expect(config.data_efficiency.data_sampling.curriculum_learning.enabled).toBe(true);
  });

  it('reports a missing run or missing text in one line with the remedy', async () => {
    const nothing = await runExample(['--resume', '--output', join(folder, 'nothing')]);
    expect(nothing.status).toBe(1);
    expect(nothing.stderr).toMatch(/^error: There is no run to resume: .*Start a new run/);
    const noText = await runExample([
      '--data',
      join(folder, 'missing.txt'),
      '--output',
      join(folder, 'none'),
    ]);
    expect(noText.status).toBe(1);
    expect(noText.stderr).toContain('missing.txt');
    expect(noText.stderr).not.toContain('    at ');
  });
});
