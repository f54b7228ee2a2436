import { type Command, Option } from 'commander';
import { ConfigError } from '../../core/errors.js';

/** Flags that say where parts are made. */
export interface ClusterFlags {
  readonly engine: 'local' | 'bullmq';
  readonly redis?: string;
  readonly queue?: string;
  readonly cancel?: boolean;
}

/** Adds the flags of a cluster to a command. @param work - What the command does, for the help: `conversion`. */
export function addClusterFlags(command: Command, work: string): Command {
  return command
    .addOption(
      new Option('--engine <name>', 'where to run: local threads or a BullMQ cluster')
        .choices(['local', 'bullmq'])
        .default('local'),
    )
    .option('--redis <url>', 'with --engine bullmq: the Redis server of the queue')
    .option('--queue <name>', 'with --engine bullmq: name of the queue')
    .option(
      '--cancel',
      `with --engine bullmq: remove the ${work} from the queue and keep its finished parts`,
    );
}

/** The options of the cluster. @throws {@link ConfigError} without a Redis server. */
export function clusterOptions(command: string, { engine, redis, queue }: ClusterFlags) {
  if (engine === 'local') return {};
  if (redis === undefined)
    throw new ConfigError(command, [
      { field: '--redis', message: 'is missing: pass the URL of a Redis server, redis://host:6379' },
    ]);
  return { redis, ...(queue !== undefined && { queue }) };
}

/** The message after Ctrl-C. */
export function stoppedText({ engine }: ClusterFlags): string {
  return engine === 'bullmq'
    ? 'Stopped. The workers continue. Repeat the command to watch them, or add --cancel to stop them.\n'
    : 'Stopped. Run the same command again to continue from here.\n';
}

/** The result of `--cancel`. */
export function canceledText(work: string, wasQueued: boolean, json: boolean): string {
  if (json) return `${JSON.stringify({ canceled: wasQueued })}\n`;
  return wasQueued
    ? 'Removed from the queue. Running jobs finish. To continue, run the command without --cancel.\n'
    : `This ${work} is not in the queue.\n`;
}
