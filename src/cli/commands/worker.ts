import { Command } from 'commander';
import { AnalysisClusterWorker, type ClusterWorkerEvent } from '../../analysis/index.js';
import { wholeNumber } from '../whole-number.js';

interface WorkerFlags {
  readonly redis: string;
  readonly queue?: string;
  readonly workers: number;
  readonly lockMs: number;
  readonly json?: boolean;
}

/** `millrace worker`: work on analyses that were put into a queue. */
export function workerCommand(): Command {
  return new Command('worker')
    .summary('work on analyses of a cluster')
    .description(
      'Works on the jobs of millrace analyze --engine bullmq until Ctrl-C, which lets the jobs under way come to their end. Data and\n' +
        'output are opened by the names that the analysis was started with; a worker that has another version, data set or metric refuses\n' +
        'and ends with status 1.',
    )
    .requiredOption('--redis <url>', 'the Redis server of the queue: redis://host:6379')
    .option('--queue <name>', 'the queue')
    .option('--workers <count>', 'threads, each with a job', wholeNumber(1), 2)
    .option(
      '--lock-ms <ms>',
      'after how long without a sign of life its jobs go to others',
      wholeNumber(100),
      30_000,
    )
    .option('--json', 'print what happens as JSON, a line an event')
    .action(work);
}

async function work({ redis, queue, workers, lockMs, json = false }: WorkerFlags): Promise<void> {
  const say = (event: ClusterWorkerEvent | { readonly type: 'ready' | 'stopping' }): void =>
    void process.stdout.write(`${json ? JSON.stringify(event) : lineOf(event)}\n`);
  const worker = await AnalysisClusterWorker.start({
    redis,
    numWorkers: workers,
    lockMs,
    onEvent: say,
    ...(queue !== undefined && { queue }),
  });
  const stop = (): void => {
    say({ type: 'stopping' });
    void worker.close();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  say({ type: 'ready' });
  await worker.ended;
}

function lineOf(event: ClusterWorkerEvent | { readonly type: 'ready' | 'stopping' }): string {
  const time = new Date().toTimeString().slice(0, 8);
  switch (event.type) {
    case 'ready':
      return `${time}  ready for jobs; Ctrl-C ends`;
    case 'stopping':
      return `${time}  ends when its jobs are done`;
    case 'failed':
      return `${time}  ${event.job} failed: ${event.reason}`;
    default:
      return `${time}  ${event.job} ${event.type}`;
  }
}
