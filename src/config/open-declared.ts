import type { Dataset } from '../core/dataset.js';
import type { DType } from '../core/dtype.js';
import { DataLoader, type DataLoaderOptions } from '../loader/index.js';
import { LengthWarmup } from '../tokens/length-warmup.js';
import { applyPhases } from './apply-phases.js';
import type { Launch, MillraceConfig } from './config.js';
import { parseConfig } from './config-schema.js';
import { describeSection } from './describe-section.js';
import { type OpenedData, openData } from './open-data.js';
import { openOrder } from './open-order.js';
import { type OpenedConfig, partsOf } from './opened-config.js';
import { sequenceLengthsOf } from './sequence-lengths.js';

/** The process that a declared configuration is opened for, and the folder that relative paths start from. */
export interface OpenDeclaredOptions {
  readonly folder: string;
  readonly launch: Launch;
  readonly variesByRank?: boolean;
}

/** Opens a declared configuration: data, order, loader. */
export async function openDeclared(
  value: object,
  { folder, launch, variesByRank = false }: OpenDeclaredOptions,
): Promise<OpenedConfig> {
  const config = parseConfig('Millrace configuration', value);
  const { batchSize = 1 } = config.loader;
  const data = warmUp(await openData(config.data, { ...config, folder, batchSize }), config.lengthWarmup);
  try {
    const order = openOrder(config, data.dataset, { folder, launch });
    const options = { ...launch, ...config.loader, ...order } as DataLoaderOptions<
      unknown,
      DType,
      unknown,
      unknown
    >;
    const loader = new DataLoader<unknown, DType, unknown, unknown, boolean>(data.source, options);
    await loader.ready();
    await applyPhases(loader, config.phases, data.sourceNames);
    // With phases, the data that the loader reads is amended.
    const dataset = config.phases.length > 0 ? (loader.dataset as Dataset<unknown>) : data.dataset;
    return {
      ...partsOf(loader, launch, variesByRank),
      kind: 'millrace',
      dataset,
      training: config.training,
      lengths: sequenceLengthsOf(dataset),
      sourceNames: data.sourceNames,
      files: data.files,
      cacheBytes: data.cacheBytes,
      description: Object.entries(config)
        .filter(([name]) => name !== 'phases' || config.phases.length > 0)
        .map(([name, section]) => ({
          name,
          value: describeSection(section),
        })),
      close: async () => {
        await loader.close();
        await data.dataset.close?.();
      },
    };
  } catch (error) {
    await data.dataset.close?.();
    throw error;
  }
}

/** The data behind the length warm-up of a configuration, if it has one. */
function warmUp(data: OpenedData, options: MillraceConfig['lengthWarmup']): OpenedData {
  if (!options) return data;
  const dataset = new LengthWarmup(data.dataset as Dataset<unknown>, options);
  return { ...data, source: dataset, dataset };
}
