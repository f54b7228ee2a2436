import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { IndexedDataset } from '../../formats/index.js';
import {
  formatBytes,
  formatCompact,
  formatCount,
  formatDuration,
  formatShare,
} from '../../web/kit/numbers.js';
import { benchPipeline } from '../bench/bench-pipeline.js';
import { renderBench } from '../bench/render-bench.js';
import { type LoadingSpeed, measureCopyLimit, measureTokenLoading } from '../bench/token-loading.js';
import { showPage, uiOption } from '../show-page.js';
import { createProgress } from '../terminal/progress.js';
import { renderTable } from '../terminal/table.js';
import { wholeNumber } from '../whole-number.js';

interface BenchFlags {
  readonly length: number;
  readonly batchSize: number;
  readonly batches: number;
  readonly seconds: number;
  readonly step: number;
  readonly workers?: string[];
  readonly ui?: string | true;
  readonly json?: boolean;
}

/** Default numbers of workers for an indexed dataset. */
const windowWorkers = ['0', '1', '2'];

/** `millrace bench`: measures loading speed, finds the slowest stage and suggests improvements. */
export function benchCommand(): Command {
  return new Command('bench')
    .summary('measure how fast data loads on this machine, and suggest improvements')
    .description(
      'Runs the loader of a configuration or module, or a default loader over data of any format. Shows how long each stage of ' +
        'a batch takes, compared with the limits of this machine, then tries numbers of workers and prefetch factors and ' +
        'suggests changes. For an indexed dataset, loads random token windows.',
    )
    .argument(
      '<what>',
      'a configuration; a module that exports a DataLoader or a dataset; data of any format; a prefix of .bin and .idx',
    )
    .option('--seconds <count>', 'duration of each measurement', wholeNumber(1), 2)
    .option('--step <ms>', 'simulated duration of a training step', wholeNumber(0), 0)
    .option('--batch-size <count>', 'samples per batch, if no loader sets it', wholeNumber(1), 32)
    .option('--workers <count...>', 'numbers of workers to try')
    .option('--length <tokens>', 'indexed dataset: tokens per window', wholeNumber(1), 512)
    .option('--batches <count>', 'indexed dataset: batches to measure', wholeNumber(2), 500)
    .addOption(uiOption())
    .option('--json', 'print the result as JSON')
    .action(bench);
}

async function bench(what: string, flags: BenchFlags): Promise<void> {
  showPage(flags.ui);
  if (existsSync(`${what}.idx`)) return benchWindows(what, flags);
  const { batchSize, seconds, step: stepMs, json = false } = flags;
  const workers = flags.workers?.map(wholeNumber(0));
  const progress = createProgress({ stream: process.stderr, json });
  const result = await benchPipeline(what, { batchSize, seconds, stepMs, workers, progress });
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : `\n${renderBench(result)}\n`);
}

async function benchWindows(
  prefix: string,
  { length, batchSize, batches, workers = windowWorkers, json = false }: BenchFlags,
): Promise<void> {
  const dataset = await IndexedDataset.open(prefix);
  const progress = createProgress({ stream: process.stderr, json });
  const speeds: LoadingSpeed[] = [];
  for (const numWorkers of workers.map(wholeNumber(0))) {
    const stage = progress.stage(`${numWorkers} workers`, batches);
    const loading = {
      windowLength: length,
      batchSize,
      numWorkers,
      batches,
      onBatch: (done: number) => stage.update(done),
    };
    const speed = await measureTokenLoading(dataset, loading);
    stage.finish(`${formatCount(Math.round(speed.batchesPerSecond))} batches/s`);
    speeds.push(speed);
  }
  dataset.close();
  const copyLimit = measureCopyLimit(2 * 4 * length * batchSize);
  const result = { prefix, windowLength: length, batchSize, speeds, copyLimitBytesPerSecond: copyLimit };
  process.stdout.write(`${json ? JSON.stringify(result) : render(speeds, copyLimit)}\n`);
}

function render(speeds: readonly LoadingSpeed[], copyLimit: number): string {
  const right = { align: 'right' } as const;
  const table = renderTable(
    [
      { title: 'workers', ...right },
      { title: 'batches/s', ...right },
      { title: 'tokens/s', ...right },
      { title: 'bytes/s', ...right },
      { title: 'of copy speed', ...right },
      { title: 'waiting for data', ...right },
      { title: 'first batch', ...right },
    ],
    speeds.map((speed) => [
      String(speed.numWorkers),
      formatCount(Math.round(speed.batchesPerSecond)),
      formatCompact(speed.tokensPerSecond),
      formatBytes(speed.bytesPerSecond),
      formatShare(speed.bytesPerSecond / copyLimit),
      formatShare(speed.waitShare),
      formatDuration(speed.firstBatchMs),
    ]),
  );
  return `${table}\n\nOne thread copies ${formatBytes(copyLimit)} per second into fresh memory here; "of copy speed" is the share of that.`;
}
