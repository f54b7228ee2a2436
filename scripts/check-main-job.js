// Runs examples/curriculum-gpt as a user does, and checks its results: two runs at equal budget, both trained, and a report.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './toolchain.js';

const tokenBudget = 30_000;
const output = mkdtempSync(join(tmpdir(), 'millrace-main-job-'));
try {
  const started = Date.now();
  const options = ['--json', '--tokens', String(tokenBudget), '--output', output];
  const args = ['--import', 'tsx', 'examples/curriculum-gpt/main.ts', ...options];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  check(status === 0, `it exited with status ${status}: ${stderr}`);
  const { runs, corpus } = JSON.parse(stdout);
  check(runs.map(({ order }) => order).join() === 'uniform,curriculum', 'one of the orders did not run');
  const untrainedLoss = Math.log(1024);
  for (const { order, tokens, validationLoss, waitShare } of runs) {
    check(tokens === tokenBudget, `${order} trained on ${tokens} of ${tokenBudget} tokens`);
    check(validationLoss < untrainedLoss - 1, `${order} did not learn: validation loss ${validationLoss}`);
    check(waitShare >= 0 && waitShare < 0.5, `${order} spent ${waitShare} of its time waiting for data`);
  }
  check(corpus.tokens > 100_000, `the corpus has only ${corpus.tokens} tokens`);
  const report = readFileSync(join(output, 'report.html'), 'utf8');
  check(
    report.includes('uniform') && report.includes('curriculum') && report.includes('<svg'),
    'the report lacks a chart',
  );
  console.log(
    `The main job works: ${((Date.now() - started) / 1000).toFixed(1)} s, losses ${runs.map(({ validationLoss }) => validationLoss.toFixed(3)).join(' and ')}.`,
  );
} finally {
  rmSync(output, { recursive: true, force: true });
}

function check(holds, failure) {
  if (holds) return;
  console.error(`The main job failed: ${failure}`);
  process.exit(1);
}
