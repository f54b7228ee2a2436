import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { Command } from 'commander';
import { renderReport } from '../../web/report.js';
import { demoReport } from '../demo/demo-report.js';
import { type DemoResult, runDemo } from '../demo/run-demo.js';
import { demoDefaults } from '../demo/settings.js';
import { demoSummary, renderDemoSummary } from '../demo/summary.js';
import { Interrupted } from '../run-program.js';
import { showPage, uiOption } from '../show-page.js';
import { createProgress } from '../terminal/progress.js';
import { wholeNumber } from '../whole-number.js';

interface DemoFlags {
  readonly data?: string;
  readonly output: string;
  readonly tokens: number;
  readonly workers: number;
  readonly resume?: boolean;
  readonly ui?: string | true;
  readonly json?: boolean;
}

/** `millrace demo`: from real text to a trained model. */
export function demoCommand(): Command {
  return new Command('demo')
    .summary('train a small language model on real text, in two orders')
    .description(
      'Trains the same small language model twice at equal token budget, in uniform order and under curriculum\n' +
        'learning, on real text: the documentation and declaration files of the installed packages, or --data.',
    )
    .option('--data <path>', 'file or folder of text (default: the installed packages)')
    .option('--output <folder>', 'where everything is written', 'millrace-demo')
    .option('--tokens <count>', 'tokens each run may see', wholeNumber(1_000), demoDefaults.tokenBudget)
    .option('--workers <count>', 'threads that make batches', wholeNumber(0), demoDefaults.workers)
    .option('--resume', 'continue the run that was interrupted in the output folder')
    .addOption(uiOption())
    .option('--json', 'print the results as JSON')
    .action(demo);
}

async function demo({
  data,
  output,
  tokens,
  workers,
  resume = false,
  ui,
  json = false,
}: DemoFlags): Promise<void> {
  showPage(ui);
  const progress = createProgress({ stream: process.stderr, json });
  const started = performance.now();
  const result = await untilInterrupted((signal) =>
    runDemo({ data, output, tokenBudget: tokens, workers, resume, signal, progress }),
  );
  if (result.outcome === 'interrupted') {
    progress.line(
      `\nStopped after the step in progress. To continue: npx millrace demo --resume --output ${output}`,
    );
    throw new Interrupted();
  }
  const report = await writeReport(result, output);
  const summary = demoSummary(result, performance.now() - started, report);
  process.stdout.write(
    `${json ? JSON.stringify(summary) : renderDemoSummary(result, summary, process.stdout)}\n`,
  );
}

async function writeReport(result: DemoResult, output: string): Promise<string> {
  const path = join(output, 'report.html');
  await writeFile(path, renderReport(demoReport(result)));
  return relative(process.cwd(), path) || path;
}

/** Runs a job with a signal that Ctrl-C raises. A second Ctrl-C ends the process at once, as ever. */
async function untilInterrupted<T>(job: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const interrupt = (): void => controller.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    return await job(controller.signal);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
