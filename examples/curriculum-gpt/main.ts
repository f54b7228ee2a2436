// Trains a small GPT on real text twice at equal token budget, in uniform order and under curriculum learning:
// node --import tsx examples/curriculum-gpt/main.ts
//
// The text is the documentation and the declaration files of the installed packages, or --data. DeepSpeed JSON files
// configure both loaders. Ctrl-C saves the run; --resume continues it with exactly the batches that were due.
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { MillraceError } from 'millrace';
import { noProgressShown, showProgress } from './progress.js';
import { renderReport } from './report/page.js';
import { reportOf } from './report/report.js';
import { runBothOrders } from './run.js';
import { defaults } from './settings.js';
import { renderSummary, summaryOf } from './summary.js';
import { UserError } from './user-error.js';

const usage = `Usage: npm start -- [options]

Trains the same small language model twice at equal token budget, in uniform order and
under curriculum learning.

Options:
  --data <path>      text file or folder (default: the installed packages)
  --output <folder>  folder for everything written (default: curriculum-gpt-run)
  --tokens <count>   training tokens of each run (default: ${defaults.tokenBudget})
  --workers <count>  threads that make batches (default: ${defaults.workers})
  --resume           continue the interrupted run in the output folder
  --json             print the results as JSON
  --help             print this text`;

/** Exit status of a process that Ctrl-C ended. */
const interruptedStatus = 130;

try {
  process.exitCode = await main();
} catch (error) {
  const isUserMistake =
    error instanceof UserError ||
    error instanceof MillraceError ||
    (error instanceof Error && 'code' in error);
  if (!isUserMistake) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      output: { type: 'string', default: 'curriculum-gpt-run' },
      tokens: { type: 'string', default: String(defaults.tokenBudget) },
      workers: { type: 'string', default: String(defaults.workers) },
      resume: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const { data, output, resume, json } = values;
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  const started = performance.now();
  const result = await runBothOrders({
    data,
    output,
    resume,
    tokenBudget: wholeNumber('--tokens', values.tokens, 1_000),
    workers: wholeNumber('--workers', values.workers, 0),
    signal: interrupt.signal,
    progress: json ? noProgressShown : showProgress(process.stderr),
  });
  if (result.outcome === 'interrupted') {
    console.error(`\nThe run is saved. To continue: npm start -- --resume --output ${output}`);
    return interruptedStatus;
  }
  const page = join(output, 'report.html');
  await writeFile(page, renderReport(reportOf(result)));
  const summary = summaryOf(result, performance.now() - started, relative(process.cwd(), page) || page);
  console.log(json ? JSON.stringify(summary) : renderSummary(result, summary, process.stdout));
  return 0;
}

function wholeNumber(option: string, text: string, min: number): number {
  const value = /^[\d_]+$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
  if (value >= min) return value;
  throw new UserError(`${option} must be a whole number of at least ${min}, not ${text}.`);
}
