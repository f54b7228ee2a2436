import { type Command, Option } from 'commander';
import { formatNames } from '../../formats/format-table.js';
import type { DataFlags } from '../analyze/open-data.js';
import { wholeNumber } from '../whole-number.js';
import { addClusterFlags, type ClusterFlags, clusterOptions } from './cluster-flags.js';

/** Flags that all commands of long work share. */
export interface WorkFlags extends DataFlags, ClusterFlags {
  readonly selection?: string;
  readonly workers?: number;
  readonly overwrite: boolean;
  readonly json: boolean;
}

/** Adds the flags that say how data is read. */
export function addInputFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--format <name>', 'format of the data, if it cannot be detected').choices([...formatNames]),
    )
    .option('--columns <names...>', 'read only these columns');
}

/** Adds the flag that opens a selection. */
export function addSelectionFlag(command: Command): Command {
  return command.option(
    '--selection <name>',
    'take only the samples that millrace select chose: selection, selection#train',
  );
}

/** Adds the flags that say who does the work and where the result goes. @param work - What it is, for the help: `conversion`. */
export function addWorkFlags(command: Command, work: string, threads: string): Command {
  return addClusterFlags(
    command
      .option('--workers <count>', threads, wholeNumber(0))
      .option('--overwrite', 'replace existing output', false)
      .option('--json', 'print the result as JSON', false),
    work,
  );
}

/** The options of long work. @throws {@link ConfigError} for a cluster without a Redis server. */
export function workOptions(command: string, flags: WorkFlags) {
  const { format, columns, selection, workers, overwrite } = flags;
  return {
    overwrite,
    ...(format && { format }),
    ...(columns && { columns }),
    ...(selection !== undefined && { selection }),
    ...(workers !== undefined && { numWorkers: workers }),
    ...clusterOptions(command, flags),
  };
}
