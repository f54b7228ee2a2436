import type { Command } from 'commander';
import type { OpenConfigOptions } from '../../config/opened-config.js';
import { wholeNumber } from '../whole-number.js';

/** What a configuration is opened with, as flags. */
export interface ConfigFlags {
  readonly worldSize?: number;
  readonly rank?: number;
  readonly data?: string;
  readonly samples?: number;
  readonly parity?: boolean;
}

/** The argument of a command, for its help. */
export const configArgument =
  'a configuration (default: millrace.config.ts, .js or .json here), a module that exports a loader, or DeepSpeed JSON';

/** Gives a command the flags that say for whom a configuration is opened, and what a DeepSpeed configuration lacks. */
export function withConfigOptions(command: Command): Command {
  return command
    .option(
      '--world-size <ranks>',
      'how many processes share a global batch (default: what the launcher says)',
      wholeNumber(1),
    )
    .option('--rank <rank>', 'which of them (default: what the launcher says)', wholeNumber(0))
    .option('--data <path>', 'the data of a DeepSpeed configuration')
    .option('--samples <count>', 'instead: how many samples it has', wholeNumber(1))
    .option('--parity', `a DeepSpeed configuration with the original's defects`);
}

/** The options of `openConfig` for flags. */
export function openOptions({ worldSize, rank, data, samples, parity }: ConfigFlags): OpenConfigOptions {
  return {
    ...(worldSize !== undefined && { worldSize }),
    ...(rank !== undefined && { rank }),
    data,
    samples,
    parity,
  };
}
