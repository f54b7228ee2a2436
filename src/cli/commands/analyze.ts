import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { loadMetrics } from '../../analysis/analyze-difficulty.js';
import {
  type AnalysisLayout,
  type AnalysisPlan,
  type AnalysisProgress,
  analyzeDifficulty,
  analyzeOnCluster,
  builtInMetrics,
  cancelOnCluster,
  type DifficultyAnalysis,
  estimateAnalysis,
  type MetricSource,
  planAnalysis,
  suggestMetrics,
} from '../../analysis/index.js';
import type { LoadedMetric } from '../../analysis/metric-source.js';
import type { Dataset } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import { formatNames } from '../../formats/detect-format.js';
import { renderDifficultyPage } from '../../web/difficulty-page.js';
import { renderAdmissions } from '../analyze/curriculum-table.js';
import { type FoundMetric, findMetrics } from '../analyze/found-metrics.js';
import { describeMetric, meaningOf, titleOf } from '../analyze/metric-text.js';
import { type DataFlags, datasetSource, metricModule, openData } from '../analyze/open-data.js';
import { byteCount } from '../byte-count.js';
import { shareOfAll } from '../share.js';
import { formatDuration } from '../terminal/duration.js';
import { createProgress, type Progress } from '../terminal/progress.js';
import { formatBytes, formatCount, formatShare } from '../terminal/quantity.js';
import { wholeNumber } from '../whole-number.js';

interface AnalyzeFlags extends DataFlags {
  readonly output: string;
  readonly metrics?: string[];
  readonly metric?: string[];
  readonly workers: number;
  readonly memory: number;
  readonly layout: AnalysisLayout;
  readonly sample?: number;
  readonly dryRun?: boolean;
  readonly steps: number;
  readonly html?: string;
  readonly engine: 'local' | 'bullmq';
  readonly redis?: string;
  readonly queue?: string;
  readonly partSamples?: number;
  readonly cancel?: boolean;
  readonly json?: boolean;
}

const admissionParts = 5;

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
    await cancel(data, sources, flags);
    return;
  }
  const progress = createProgress({ stream: process.stderr, json });
  const plan = planOf(dataset, metrics, flags);
  progress.line(planText(data, dataset, metrics, plan, flags));
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
  if (flags.html) writePage(flags.html, data, dataset.length, found);
  await dataset.close?.();
  if (json) print({ output, samples: dataset.length, ...analysis, ...curriculumOf(found) });
  else process.stdout.write(`${resultText(found, analysis, dataset.length, flags)}\n`);
}

async function chosenMetrics(
  dataset: Dataset<unknown>,
  { metrics, metric = [] }: AnalyzeFlags,
): Promise<MetricSource[]> {
  const own = metric.map(metricModule);
  const named = metrics ?? (own.length > 0 ? [] : await suggestMetrics(dataset));
  return [...named, ...own];
}

function planOf(
  dataset: Dataset<unknown>,
  metrics: readonly LoadedMetric[],
  flags: AnalyzeFlags,
): AnalysisPlan {
  const onOneThread = flags.engine === 'bullmq';
  return planAnalysis({
    samples: dataset.length,
    valueMetrics: metrics.filter(({ kind }) => kind === 'value').length,
    threads: onOneThread ? 1 : Math.min(flags.workers, dataset.length),
    memoryBytes: flags.memory,
    partSamples: flags.partSamples,
  });
}

function planText(
  data: string,
  dataset: Dataset<unknown>,
  metrics: readonly LoadedMetric[],
  { ranges, peakBytes }: AnalysisPlan,
  { engine, workers, output }: AnalyzeFlags,
): string {
  const passes = metrics.some(({ metric }) => metric.keysOf) ? 'two passes' : 'one pass';
  const who =
    engine === 'bullmq'
      ? 'by the workers of the queue'
      : workers === 0
        ? 'on this thread'
        : `in ${workers} threads`;
  return [
    `${data}: ${formatCount(dataset.length)} samples, ${passes}, ${who}`,
    ...metrics.map((metric) => `  ${titleOf(metric)}`),
    `  ${formatCount(ranges.length)} parts, up to ${formatBytes(peakBytes)} of memory, results in ${output}`,
  ].join('\n');
}

async function estimate(
  dataset: Dataset<unknown>,
  sources: readonly MetricSource[],
  metrics: readonly LoadedMetric[],
  { sample: share = 1, workers: numWorkers }: AnalyzeFlags,
  progress: Progress,
) {
  const estimated = await estimateAnalysis(dataset, { share, metrics: sources, numWorkers });
  const { measured, elapsedMs, expectedMs } = estimated;
  progress.line(
    [
      `\nEstimated from ${formatCount(measured)} samples (${formatShare(measured / dataset.length)}) in ${formatDuration(elapsedMs)}`,
      ...metrics.flatMap((metric) => {
        const summary = estimated.metrics[metric.name];
        return summary ? [`\n${describeMetric(metric, summary)}`] : [];
      }),
      `\nAll samples take about ${formatDuration(expectedMs)}.\n`,
    ].join('\n'),
  );
  return estimated;
}

async function locally(
  source: Parameters<typeof analyzeDifficulty>[0],
  metrics: readonly MetricSource[],
  { output, workers, memory, layout }: AnalyzeFlags,
  progress: Progress,
): Promise<DifficultyAnalysis> {
  return whileShown(progress, (onProgress) =>
    analyzeDifficulty(source, {
      metrics,
      numWorkers: workers,
      memoryBytes: memory,
      layout,
      outputDir: output,
      onProgress,
    }),
  );
}

async function onCluster(
  data: string,
  metrics: readonly MetricSource[],
  flags: AnalyzeFlags,
  progress: Progress,
): Promise<DifficultyAnalysis> {
  return whileShown(progress, (onProgress) =>
    analyzeOnCluster(datasetSource(data, flags), {
      ...clusterOptions(metrics, flags),
      onProgress,
      onRefusal: (refusal) => progress.line(`refused by ${refusal}`),
    }),
  );
}

async function cancel(data: string, metrics: readonly MetricSource[], flags: AnalyzeFlags): Promise<void> {
  const wasThere = await cancelOnCluster(datasetSource(data, flags), clusterOptions(metrics, flags));
  if (flags.json) print({ cancelled: wasThere });
  else
    process.stdout.write(
      wasThere
        ? 'Taken out of the queue. Jobs that run come to their end; run it again without --cancel to go on.\n'
        : 'This analysis is not in the queue.\n',
    );
}

function clusterOptions(metrics: readonly MetricSource[], flags: AnalyzeFlags) {
  const { output, redis, queue, memory, layout, partSamples } = flags;
  if (redis === undefined)
    throw new ConfigError('millrace analyze', [
      { field: '--redis', message: 'is missing: redis://host:6379' },
    ]);
  return {
    redis,
    outputDir: output,
    metrics,
    layout,
    memoryBytes: memory,
    ...(queue !== undefined && { queue }),
    ...(partSamples !== undefined && { partSamples }),
  };
}

/** Shows the progress of an analysis, with the samples a second of its phase. */
async function whileShown(
  progress: Progress,
  run: (onProgress: (progress: AnalysisProgress) => void) => Promise<DifficultyAnalysis>,
): Promise<DifficultyAnalysis> {
  const stage = progress.stage('Analysing', 1);
  const started = performance.now();
  let first: number | undefined;
  const analysis = await run(({ phase, done, total }) => {
    first ??= done;
    const rate = ((done - first) / (performance.now() - started)) * 1_000;
    stage.update(total === 0 ? 0 : done / total, `${phase}, ${formatCount(rate)} samples/s`);
  });
  stage.finish(analysis.wasThere ? 'it was done already' : '');
  return analysis;
}

function resultText(
  found: readonly FoundMetric[],
  { counts, elapsedMs, wasThere }: DifficultyAnalysis,
  samples: number,
  { output, steps }: AnalyzeFlags,
): string {
  const parts = found.map(({ title, summary }) => describeMetric(title, summary));
  for (const [name, sums] of Object.entries(counts))
    parts.push(`${name}: ${sums.map(formatCount).join(', ')}`);
  for (const { title, admissions } of found)
    if (admissions)
      parts.push(
        `What the curriculum below admits when, over ${formatCount(steps)} steps of ${title.name}\n${renderAdmissions(admissions)}`,
      );
  const curriculum = curriculumOf(found);
  if (Object.keys(curriculum.curriculum_metrics).length > 0)
    parts.push(
      `For data_efficiency.data_sampling.curriculum_learning, one metric or several:\n${JSON.stringify(curriculum, null, 2)}`,
    );
  const done = wasThere ? 'The index was there already' : `Wrote the index in ${formatDuration(elapsedMs)}`;
  parts.push(`${done}: ${formatCount(samples)} samples, ${output}`);
  return parts.join('\n\n');
}

function curriculumOf(found: readonly FoundMetric[]) {
  return {
    curriculum_metrics: Object.fromEntries(found.map(({ title, curriculum }) => [title.name, curriculum])),
  };
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
