import { Command } from 'commander';
import { analyzeDifficulty, type MetricSummary } from '../../analysis/index.js';
import { IndexedDataset } from '../../formats/index.js';
import { formatDuration } from '../terminal/duration.js';
import { renderHistogram } from '../terminal/histogram.js';
import { createProgress } from '../terminal/progress.js';
import { formatCount } from '../terminal/quantity.js';
import { wholeNumber } from '../whole-number.js';

interface AnalyzeFlags {
  readonly output: string;
  readonly metrics: string[];
  readonly workers: number;
  readonly json?: boolean;
}

/** `millrace analyze`: how difficult is each sample. */
export function analyzeCommand(): Command {
  return new Command('analyze')
    .summary(`measure every sample's difficulty for curriculum learning`)
    .description(
      `Measures every sample of an indexed dataset and writes DeepSpeed's difficulty index: the files that a curriculum\n` +
        'configuration names in index_to_sample_path and index_to_metric_path.',
    )
    .argument('<prefix>', 'the dataset: <prefix>.bin and <prefix>.idx')
    .requiredOption('--output <folder>', 'where the index files are written')
    .option('--metrics <name...>', 'what to measure', ['seqlen', 'vocabularyrarity'])
    .option('--workers <count>', 'threads', wholeNumber(0), 2)
    .option('--json', 'print the result as JSON')
    .action(analyze);
}

async function analyze(
  prefix: string,
  { output, metrics, workers, json = false }: AnalyzeFlags,
): Promise<void> {
  const dataset = await IndexedDataset.open(prefix);
  const stage = createProgress({ stream: process.stderr, json }).stage('Analysing', 1);
  const analysis = await analyzeDifficulty(dataset, {
    metrics,
    numWorkers: workers,
    outputDir: output,
    onProgress: ({ phase, done, total }) => stage.update(total === 0 ? 0 : done / total, phase),
  });
  stage.finish(`${formatCount(dataset.length)} samples`);
  dataset.close();
  if (json) {
    process.stdout.write(`${JSON.stringify({ output, ...analysis })}\n`);
    return;
  }
  const parts = Object.entries(analysis.metrics).map(([name, summary]) => describe(name, summary));
  const end = `Wrote the index of ${formatCount(dataset.length)} samples to ${output} in ${formatDuration(analysis.elapsedMs)}.`;
  process.stdout.write(`${[...parts, end].join('\n\n')}\n`);
}

function describe(name: string, summary: MetricSummary): string {
  const { min, median, mean, max, distinct } = summary;
  const numbers = `min ${min}, median ${median}, mean ${mean.toFixed(1)}, max ${max}, ${formatCount(distinct)} distinct`;
  return `${name}: ${numbers}\n${renderHistogram(summary.histogram)}`;
}
