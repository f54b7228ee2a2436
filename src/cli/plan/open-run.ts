import { type OpenedConfig, openConfig } from '../../config/index.js';
import type { OpenConfigOptions } from '../../config/opened-config.js';
import { CapabilityError } from '../../core/errors.js';
import { DataLoader } from '../../loader/index.js';

/** Opens the configuration for another rank. */
export type OpenForRank = (rank: number, worldSize: number) => Promise<OpenedConfig>;

/** An opened configuration. */
export interface OpenedRun {
  readonly opened: OpenedConfig;
  readonly openForRank: OpenForRank;
}

/**
 * Opens a configuration to compute its order. For other ranks, opens a DeepSpeed configuration over samples that equal their
 * indices, because its loader has to be iterated.
 *
 * @throws {@link CapabilityError} for a `DeepSpeedDataLoader` that a module exports.
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
