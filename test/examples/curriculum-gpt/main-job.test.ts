// Runs the example as `npm start` does, on less text and with a small token budget. `scripts/check-main-job.js` runs it on its
// default text.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runNode } from '../../cli/run-command.js';

const main = fileURLToPath(new URL('../../../examples/curriculum-gpt/main.ts', import.meta.url));
const runExample = (args: readonly string[], options: { interruptAfter?: string } = {}) =>
  runNode(['--import', 'tsx', main, ...args], options);

const text = fileURLToPath(new URL('../../../docs', import.meta.url));
const tokens = 2_000;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-main-job-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

    const first = await runExample(withOutput('resumed'), { interruptAfter: 'Analyzing difficulty' });
    expect(first.status).toBe(130);
    expect(first.stderr).toContain('--resume');
    const second = await runExample(withOutput('resumed', '--resume'), {
      interruptAfter: 'Training, uniform',
    });
    expect(second.status).toBe(130);
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
