import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { loadMetrics } from '../../analysis/analyze-difficulty.js';
import { builtInMetrics, suggestMetrics } from '../../analysis/index.js';
import type { MetricSource } from '../../analysis/metric-source.js';
import type { Dataset } from '../../core/dataset.js';
import { shownLocation } from '../../core/shown-location.js';
import { renderDifficultyPage } from '../../web/difficulty-page.js';
import type { AnalyzeFlags } from '../analyze/flags.js';
import { type FoundMetric, findMetrics } from '../analyze/found-metrics.js';
import { meaningOf } from '../analyze/metric-text.js';
import { metricFromModule, openData } from '../analyze/open-data.js';
import { estimate, planOf, planText } from '../analyze/plan-text.js';
import { curriculumOf, resultText } from '../analyze/result-text.js';
import { cancel, locally, onCluster } from '../analyze/run-analysis.js';
import { byteCount } from '../byte-count.js';
import { addClusterFlags, canceledText } from '../convert/cluster-flags.js';
import { addInputFlags } from '../convert/work-flags.js';
import { shareOfAll } from '../share.js';
import { createProgress } from '../terminal/progress.js';
import { wholeNumber } from '../whole-number.js';

const admissionParts = 5;

/** `millrace analyze`: measures the difficulty of each sample. */
export function analyzeCommand(): Command {
  const command = new Command('analyze')
    .summary(`measure every sample's difficulty for curriculum learning`)
    .description(
      `Measures every sample and writes the index of a curriculum: DeepSpeed's index files and a native one. Reads data of any\n` +
        'format that millrace inspect reads, or a module (.js, .ts) that exports a dataset. To continue a stopped run, repeat the command.',
    )
    .argument('<data>', 'a path, a URL, a pattern, or a module that exports a dataset')
    .requiredOption('--output <location>', 'folder, or s3:, gs: or az: URL, for the results')
    .option(
      '--metrics <names...>',
      `metrics to measure: ${builtInMetrics.map(({ name }) => name).join(', ')} (default: those that suit the samples)`,
    )
    .option('--metric-module <modules...>', 'measure with your own modules: ./loss.js, ./loss.js#perplexity')
    .addOption(new Option('--metric [modules...]').argParser(renamedMetric).hideHelp())
    .option('--workers <count>', 'threads', wholeNumber(0), 2)
    .addOption(new Option('--memory <amount>', 'memory limit').argParser(byteCount).default(512e6, '512MB'))
    .addOption(
      new Option('--layout <name>', 'files to write')
        .choices(['deepspeed', 'native', 'both'])
        .default('both'),
    )
    .option(
      '--sample <share>',
      'first estimate time and distribution from a share of the samples: 1%',
      shareOfAll,
    )
    .option('--dry-run', 'print the plan (and the estimate with --sample) and exit')
    .option('--steps <count>', 'steps of the suggested curriculum', wholeNumber(1), 10_000)
    .option('--html <file>', 'write the results as a page');
  return addClusterFlags(addInputFlags(command), 'analysis')
    .option('--part-samples <count>', 'with --engine bullmq: samples per job', wholeNumber(1))
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace analyze corpus --output difficulty',
        '  millrace analyze "s3://bucket/train/*.jsonl" --output difficulty --sample 1% --dry-run',
        '  millrace analyze images --output difficulty --metrics imagesharpness --metric-module ./loss.js',
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
    process.stdout.write(canceledText('analysis', canceled, json));
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

/** Handles Ctrl-C. There is nothing to save: each finished part is stored already. */
function stop({ engine }: AnalyzeFlags): never {
  const next =
    engine === 'bullmq'
      ? 'The workers continue. Repeat the command to watch them, or add --cancel to stop them.'
      : 'Repeat the command to continue.';
  process.stderr.write(`${process.stderr.isTTY ? '\n' : ''}Stopped. ${next}\n`);
  process.exit(130);
}

/** Rejects the former name of `--metric-module`. */
function renamedMetric(): never {
  throw new InvalidArgumentError('It is now --metric-module; --metrics selects built-in metrics.');
}

async function chosenMetrics(
  dataset: Dataset<unknown>,
  { metrics, metricModule = [] }: AnalyzeFlags,
): Promise<MetricSource[]> {
  const own = metricModule.map(metricFromModule);
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
