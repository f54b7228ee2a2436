import type { Command } from 'commander';
import type { OpenConfigOptions } from '../../config/opened-config.js';
import { wholeNumber } from '../whole-number.js';

/** Flags of commands that open a configuration. */
export interface ConfigFlags {
  readonly loader?: string;
  readonly worldSize?: number;
  readonly rank?: number;
  readonly data?: string;
  readonly samples?: number;
  readonly parity?: boolean;
}

/** Help text of the configuration argument. */
export const configArgument =
  'a configuration (default: millrace.config.ts, .js or .json here), a module that exports a loader, or DeepSpeed JSON';

/** Adds the flags for rank and world size, and those that complete a DeepSpeed configuration. */
export function withConfigOptions(command: Command): Command {
  return command
    .option('--loader <name>', 'the export of a module that holds the loader (default: its default export)')
    .option('--world-size <ranks>', 'number of ranks (default: from the launcher)', wholeNumber(1))
    .option('--rank <rank>', 'rank (default: from the launcher)', wholeNumber(0))
    .option('--data <path>', 'data of a DeepSpeed configuration')
    .option('--samples <count>', 'number of samples, instead of --data', wholeNumber(1))
    .option('--parity', `reproduce the original's defects (DeepSpeed configuration)`);
}

/** Converts flags to options of `openConfig`. */
export function openOptions({
  loader,
  worldSize,
  rank,
  data,
  samples,
  parity,
}: ConfigFlags): OpenConfigOptions {
  return {
    ...(loader !== undefined && { export: loader }),
    ...(worldSize !== undefined && { worldSize }),
    ...(rank !== undefined && { rank }),
    data,
    samples,
    parity,
  };
}
