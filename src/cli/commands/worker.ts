import { Command } from 'commander';
import { ClusterWorker } from '../../analysis/index.js';
import { visibleText } from '../../core/visible-text.js';
import type { ClusterWorkerEvent } from '../../parts/cluster/work-runner.js';
import { wholeNumber } from '../whole-number.js';

interface WorkerFlags {
  readonly redis: string;
  readonly queue?: string;
  readonly allow: readonly string[];
  readonly workers: number;
  readonly lockMs: number;
  readonly json?: boolean;
}

/** `millrace worker`: does the jobs of a queue. */
export function workerCommand(): Command {
  return new Command('worker')
    .summary('do the jobs of a cluster: analyses, conversions, maps')
    .description(
      'Does the jobs of analyze, convert, map and select with --engine bullmq until Ctrl-C, then finishes its current jobs. Opens\n' +
        'data and output by the names given to these commands. Returns a job to the queue if its own version, data or modules\n' +
        'differ. Loads modules only if --allow lists them.',
    )
    .requiredOption('--redis <url>', 'the Redis server of the queue: redis://host:6379')
    .option('--queue <name>', 'name of the queue')
    .option(
      '--allow <path>',
      'module, folder or pattern of modules that a job may load; repeatable',
      (path: string, before: readonly string[]) => [...before, path],
      [],
    )
    .option('--workers <count>', 'threads, each of which runs one job', wholeNumber(1), 2)
    .option(
      '--lock-ms <ms>',
      'time without a heartbeat after which other workers take its jobs',
      wholeNumber(100),
      30_000,
    )
    .option('--json', 'print events as JSON, one per line')
    .action(work);
}

async function work({ redis, queue, allow, workers, lockMs, json = false }: WorkerFlags): Promise<void> {
  const say = (event: ClusterWorkerEvent | { readonly type: 'ready' | 'stopping' }): void =>
    void process.stdout.write(`${json ? JSON.stringify(event) : lineOf(event)}\n`);
  const worker = await ClusterWorker.start({
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
      return `${time}  ready for jobs; Ctrl-C stops`;
    case 'stopping':
      return `${time}  stops when its jobs are done`;
    case 'failed':
    case 'refused':
      return visibleText(`${time}  ${event.job} ${event.type}: ${event.reason}`);
    default:
      return `${time}  ${event.job} ${event.type}`;
  }
}
