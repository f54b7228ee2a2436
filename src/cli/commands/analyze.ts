import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { loadMetrics } from '../../analysis/analyze-difficulty.js';
import { builtInMetrics, suggestMetrics } from '../../analysis/index.js';
import type { MetricSource } from '../../analysis/metric-source.js';
import type { Dataset } from '../../core/dataset.js';
import { shownLocation } from '../../core/shown-location.js';
import { formatNames } from '../../formats/find/detect-format.js';
import { renderDifficultyPage } from '../../web/difficulty-page.js';
import type { AnalyzeFlags } from '../analyze/flags.js';
import { type FoundMetric, findMetrics } from '../analyze/found-metrics.js';
import { meaningOf } from '../analyze/metric-text.js';
import { metricModule, openData } from '../analyze/open-data.js';
import { estimate, planOf, planText } from '../analyze/plan-text.js';
import { curriculumOf, resultText } from '../analyze/result-text.js';
import { cancel, locally, onCluster } from '../analyze/run-analysis.js';
import { byteCount } from '../byte-count.js';
import { shareOfAll } from '../share.js';
import { createProgress } from '../terminal/progress.js';
import { wholeNumber } from '../whole-number.js';

const admissionParts = 5;
const canceledText =
  'Taken out of the queue. Jobs that run come to their end; run it again without --cancel to go on.\n';

/** `millrace analyze`: how difficult is each sample. */
export function analyzeCommand(): Command {
  return new Command('analyze')
    .summary(`measure every sample's difficulty for curriculum learning`)
    .description(
      `Measures every sample and writes what a curriculum is made from: DeepSpeed's index files and a native one. Data of any format\n` +
        'that millrace inspect knows, or a module (.js, .ts) that exports a dataset. A run that was stopped goes on when it is run again.',
    )
    .argument('<data>', 'a path, a URL, a pattern, or a module that exports a dataset')
    .requiredOption('--output <place>', 'folder or s3: URL of the results')
    .option(
      '--metrics <names...>',
      `what to measure: ${builtInMetrics.map(({ name }) => name).join(', ')} (default: what suits the samples)`,
    )
    .option('--metric <modules...>', 'measure with modules of your own: ./loss.js, ./loss.js#perplexity')
    .option('--workers <count>', 'threads', wholeNumber(0), 2)
    .addOption(
      new Option('--memory <amount>', 'memory it may use').argParser(byteCount).default(512e6, '512MB'),
    )
    .addOption(
      new Option('--layout <name>', 'files to write')
        .choices(['deepspeed', 'native', 'both'])
        .default('both'),
    )
    .option(
      '--sample <share>',
      'estimate time and distribution from a part of the samples first: 1%',
      shareOfAll,
    )
    .option('--dry-run', 'print the plan, and the estimate with --sample, and stop')
    .option('--steps <count>', 'steps of the curriculum that is suggested', wholeNumber(1), 10_000)
    .option('--html <file>', 'write a page that shows all')
    .addOption(
      new Option('--format <name>', 'what the data is, where that cannot be told').choices([...formatNames]),
    )
    .option('--columns <names...>', 'which columns a sample has')
    .addOption(
      new Option('--engine <name>', 'where the work is done').choices(['local', 'bullmq']).default('local'),
    )
    .option('--redis <url>', 'with --engine bullmq: the Redis server of the queue')
    .option('--queue <name>', 'with --engine bullmq: the queue')
    .option('--part-samples <count>', 'with --engine bullmq: samples of a job', wholeNumber(1))
    .option(
      '--cancel',
      'with --engine bullmq: take the analysis out of the queue; parts that are done are kept',
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace analyze corpus --output difficulty',
        '  millrace analyze "s3://bucket/train/*.jsonl" --output difficulty --sample 1% --dry-run',
        '  millrace analyze images --output difficulty --metrics imagesharpness --metric ./loss.js',
        '  millrace analyze corpus --output s3://bucket/difficulty --engine bullmq --redis redis://host:6379',
      ].join('\n'),
    )
    .action(analyze);
}

async function analyze(data: string, flags: AnalyzeFlags): Promise<void> {
  const { json = false, output } = flags;
  const { dataset, source } = await openData(data, flags);
  const sources = await chosenMetrics(dataset, flags);
  const metrics = await loadMetrics(dataset, sources);
  if (flags.cancel) {
    const canceled = await cancel(data, sources, flags);
    if (json) print({ canceled });
    else process.stdout.write(canceled ? canceledText : 'This analysis is not in the queue.\n');
    return;
  }
  const progress = createProgress({ stream: process.stderr, json });
  const plan = planOf(dataset, metrics, flags);
  process.once('SIGINT', () => stop(flags));
  progress.line(planText(shownLocation(data), dataset, metrics, plan, flags));
  const estimated =
    flags.sample === undefined ? undefined : await estimate(dataset, sources, metrics, flags, progress);
  if (flags.dryRun) {
    if (json)
      print({ samples: dataset.length, plan: { ...plan, ranges: plan.ranges.length }, estimate: estimated });
    return;
  }
  const analysis =
    flags.engine === 'bullmq'
      ? await onCluster(data, sources, flags, progress)
      : await locally(source, sources, flags, progress);
  const found = findMetrics(metrics, analysis, {
    output,
    layout: flags.layout,
    steps: flags.steps,
    parts: admissionParts,
  });
  if (flags.html) writePage(flags.html, shownLocation(data), dataset.length, found);
  await dataset.close?.();
  if (json) print({ output, samples: dataset.length, ...analysis, ...curriculumOf(found) });
  else process.stdout.write(`${resultText(found, analysis, dataset.length, flags)}\n`);
}

/** Ctrl-C: nothing has to be saved, since parts are kept as they are done. */
function stop({ engine }: AnalyzeFlags): never {
  const showCursor = process.stderr.isTTY ? '\n\u001b[?25h' : '';
  process.stderr.write(
    `${showCursor}Stopped. ${engine === 'bullmq' ? 'The workers go on; the same command watches again, with --cancel it ends them.' : 'The same command goes on from here.'}\n`,
  );
  process.exit(130);
}

async function chosenMetrics(
  dataset: Dataset<unknown>,
  { metrics, metric = [] }: AnalyzeFlags,
): Promise<MetricSource[]> {
  const own = metric.map(metricModule);
  const named = metrics ?? (own.length > 0 ? [] : await suggestMetrics(dataset));
  return [...named, ...own];
}

function writePage(file: string, data: string, samples: number, found: readonly FoundMetric[]): void {
  const metrics = found.map(({ title, ...rest }) => ({
    ...rest,
    name: title.name,
    description: meaningOf(title),
  }));
  writeFileSync(file, renderDifficultyPage({ data, samples, metrics, createdAt: new Date().toISOString() }));
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
