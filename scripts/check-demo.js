// Runs the main job as a user would and checks what it did: two runs at equal budget, both learnt, and the page is there.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './toolchain.js';

const tokenBudget = 30_000;
const output = mkdtempSync(join(tmpdir(), 'millrace-demo-'));
try {
  const started = Date.now();
  const args = ['dist/cli/main.js', 'demo', '--json', '--tokens', String(tokenBudget), '--output', output];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  check(status === 0, `millrace demo ended with status ${status}: ${stderr}`);
  const { runs, corpus } = JSON.parse(stdout);
  check(runs.map(({ order }) => order).join() === 'uniform,curriculum', 'both orders ran');
  const untrainedLoss = Math.log(1024);
  for (const { order, tokens, validationLoss, waitShare } of runs) {
    check(tokens === tokenBudget, `${order} saw ${tokens} tokens of ${tokenBudget}`);
    check(validationLoss < untrainedLoss - 1, `${order} learnt: validation loss ${validationLoss}`);
    check(waitShare >= 0 && waitShare < 0.5, `${order} waited for data ${waitShare} of the time`);
  }
  check(corpus.tokens > 100_000, `the corpus has ${corpus.tokens} tokens`);
  const report = readFileSync(join(output, 'report.html'), 'utf8');
  check(
    report.includes('uniform') && report.includes('curriculum') && report.includes('<svg'),
    'the report has its charts',
  );
  console.log(
    `The main job works: ${((Date.now() - started) / 1000).toFixed(1)} s, losses ${runs.map(({ validationLoss }) => validationLoss.toFixed(3)).join(' and ')}.`,
  );
} finally {
  rmSync(output, { recursive: true, force: true });
}

function check(holds, what) {
  if (holds) return;
  console.error(`The main job failed: ${what}`);
  process.exit(1);
}
