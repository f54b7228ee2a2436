// The main job as a user runs it, small.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../run-command.js';

const tokens = 8_000;
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

describe('millrace demo', () => {
  it('trains in both orders at equal budget, and ends interrupted and resumed where it ends uninterrupted', async () => {
    const demo = (output: string, ...rest: string[]) => [
      'demo',
      '--tokens',
      String(tokens),
      '--output',
      join(folder, output),
      ...rest,
    ];

    const whole = await runCommand(demo('whole', '--json'));
    expect(whole.stderr).toBe('');
    expect(whole.status).toBe(0);
    const summary: Summary = JSON.parse(whole.stdout);
    expect(summary.runs.map(({ order }) => order)).toEqual(['uniform', 'curriculum']);
    for (const run of summary.runs) {
      expect(run.tokens).toBe(tokens);
      expect(run.validationLoss).toBeLessThan(Math.log(1024));
    }

    const first = await runCommand(demo('resumed'), { interruptAfter: 'Analyzing difficulty' });
    expect(first.status).toBe(130);
    expect(first.stderr).toContain('--resume');
    const second = await runCommand(demo('resumed', '--resume'), { interruptAfter: 'Training, uniform' });
    expect(second.status).toBe(130);
    const last = await runCommand(demo('resumed', '--resume', '--json'));
    expect(last.status).toBe(0);
    expect(essence(JSON.parse(last.stdout))).toEqual(essence(summary));

    const report = readFileSync(join(folder, 'resumed', 'report.html'), 'utf8');
    expect(report).toContain('<svg');
    const config = JSON.parse(readFileSync(join(folder, 'whole', 'ds_config_curriculum.json'), 'utf8'));
    expect(config.data_efficiency.data_sampling.curriculum_learning.enabled).toBe(true);
  }, 240_000);

  it('says what to do when there is nothing to resume, or no text', async () => {
    const nothing = await runCommand(['demo', '--resume', '--output', join(folder, 'nothing')]);
    expect(nothing.status).toBe(1);
    expect(nothing.stderr).toMatch(/^error: There is no training state to resume .*Start a new run/);
    const noText = await runCommand([
      'demo',
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
