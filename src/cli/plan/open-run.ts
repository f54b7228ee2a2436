import { type OpenedConfig, openConfig } from '../../config/index.js';
import type { OpenConfigOptions } from '../../config/opened-config.js';
import { CapabilityError } from '../../core/errors.js';
import { DataLoader } from '../../loader/index.js';

/** Opens the configuration for another process. */
export type OpenForRank = (rank: number, worldSize: number) => Promise<OpenedConfig>;

/** A configuration whose order is asked for. */
export interface OpenedRun {
  readonly opened: OpenedConfig;
  readonly openForRank: OpenForRank;
}

/**
 * Opens a configuration to ask for its order. For other ranks a DeepSpeed configuration is opened over samples that are their own
 * indices, because its loader is gone through.
 *
 * @throws {@link CapabilityError} for a `DeepSpeedDataLoader` of a module, of which that cannot be done.
 */
export async function openRun(path: string, options: OpenConfigOptions): Promise<OpenedRun> {
  const opened = await openConfig(path, options);
  if (opened.kind === 'loader' && !(opened.loader instanceof DataLoader)) {
    await opened.close();
    throw new CapabilityError(
      'A DeepSpeedDataLoader that a module exports cannot be planned: its samples would be read',
      {
        where: { stage: 'DeepSpeedDataLoader' },
        next: 'Name the DeepSpeed JSON instead, with --data or --samples.',
      },
    );
  }
  const ids = opened.kind === 'deepspeed' ? { data: undefined, samples: opened.dataset.length } : {};
  return {
    opened,
    openForRank: (rank, worldSize) => openConfig(path, { ...options, ...ids, rank, worldSize }),
  };
}
