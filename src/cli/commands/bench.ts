import { Command } from 'commander';
import { IndexedDataset } from '../../formats/index.js';
import { type LoadingSpeed, measureCopyLimit, measureTokenLoading } from '../bench/token-loading.js';
import { formatDuration } from '../terminal/duration.js';
import { createProgress } from '../terminal/progress.js';
import { formatBytes, formatCompact, formatCount, formatShare } from '../terminal/quantity.js';
import { renderTable } from '../terminal/table.js';
import { wholeNumber } from '../whole-number.js';

interface BenchFlags {
  readonly length: number;
  readonly batchSize: number;
  readonly batches: number;
  readonly workers: string[];
  readonly json?: boolean;
}

/** `millrace bench`: how fast does a dataset load here. */
export function benchCommand(): Command {
  return new Command('bench')
    .summary('measure how fast a dataset loads on this machine')
    .description(
      'Loads random token windows from an indexed dataset as fast as they come, with different numbers of workers.',
    )
    .argument('<prefix>', 'the dataset: <prefix>.bin and <prefix>.idx')
    .option('--length <tokens>', 'tokens in a window', wholeNumber(1), 512)
    .option('--batch-size <count>', 'windows in a batch', wholeNumber(1), 32)
    .option('--batches <count>', 'batches to measure', wholeNumber(2), 500)
    .option('--workers <count...>', 'numbers of workers to try', ['0', '1', '2'])
    .option('--json', 'print the result as JSON')
    .action(bench);
}

async function bench(
  prefix: string,
  { length, batchSize, batches, workers, json = false }: BenchFlags,
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
      { title: 'of copying', ...right },
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
  return `${table}\n\nOne thread copies ${formatBytes(copyLimit)} a second into fresh memory here: "of copying" is the share of that.`;
}
