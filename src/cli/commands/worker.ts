import { Command } from 'commander';
import type { ClusterWorkerEvent } from '../../analysis/cluster/analysis-cluster-worker.js';
import { AnalysisClusterWorker } from '../../analysis/index.js';
import { visibleText } from '../../core/visible-text.js';
import { wholeNumber } from '../whole-number.js';

interface WorkerFlags {
  readonly redis: string;
  readonly queue?: string;
  readonly allow: readonly string[];
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
        'output are opened by the names that the analysis was started with. A worker that has another version, data set or metric gives the job\n' +
        'back for others to take. Modules of datasets and metrics run only where --allow has them.',
    )
    .requiredOption('--redis <url>', 'the Redis server of the queue: redis://host:6379')
    .option('--queue <name>', 'the queue')
    .option(
      '--allow <path>',
      'a module, folder or pattern of modules that an analysis may name; may be repeated',
      (path: string, before: readonly string[]) => [...before, path],
      [],
    )
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

async function work({ redis, queue, allow, workers, lockMs, json = false }: WorkerFlags): Promise<void> {
  const say = (event: ClusterWorkerEvent | { readonly type: 'ready' | 'stopping' }): void =>
    void process.stdout.write(`${json ? JSON.stringify(event) : lineOf(event)}\n`);
  const worker = await AnalysisClusterWorker.start({
    redis,
    allow,
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
    case 'refused':
      return visibleText(`${time}  ${event.job} ${event.type}: ${event.reason}`);
    default:
      return `${time}  ${event.job} ${event.type}`;
  }
}
