import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import type { Positions } from '../core/sampler.js';
import { DifficultyIndex } from '../curriculum/difficulty-index.js';
import { type DeepSpeedConfig, deepspeedIo, parseDeepSpeedConfig } from '../deepspeed/index.js';
import { seqlenChanges } from '../deepspeed/seqlen-curriculum.js';
import { hasMeasuredSeqlens, seqlenPrefix } from '../deepspeed/variable-order.js';
import { detectRank } from '../distributed/index.js';
import { openDataset } from '../formats/index.js';
import { IndexedDataset } from '../formats/indexed/indexed-dataset.js';
import type { DrawContext } from '../random/sample-context.js';
import type { Launch } from './config.js';
import { describeSection } from './describe-section.js';
import type { OpenConfigOptions, OpenedConfig } from './opened-config.js';
import type { SequenceLengths } from './sequence-lengths.js';

/**
 * Builds the loader that DeepSpeed's engine would build. The cluster files that `parity` writes go to a temporary
 * folder: existing ones would be reused, and the user's stay untouched.
 */
export async function openDeepSpeed(
  json: object,
  launch: Launch,
  { data, samples, auto = {}, parity = false }: OpenConfigOptions,
): Promise<OpenedConfig> {
  const clusters = mkdtempSync(join(tmpdir(), 'millrace-clusters-'));
  const removeClusters = () => rmSync(clusters, { recursive: true, force: true });
  try {
    const config = inFolder(
      parseDeepSpeedConfig(json, { worldSize: launch.worldSize, auto, parity }),
      clusters,
    );
    const dataset = data === undefined ? drawnSamples(config, samples) : (await openDataset(data)).dataset;
    const loader = deepspeedIo<unknown, unknown>(config, dataset, {
      ...launch,
      // DeepSpeed's engine always has a local rank.
      localRank: Math.max(0, detectRank().localRank),
      ...(data === undefined && {
        numLocalIoWorkers: 0,
        collateFn: indicesOf as (drawn: readonly unknown[]) => number[],
      }),
    });
    if (data === undefined) loader.numLocalIoWorkers = 0;
    return {
      kind: 'deepspeed',
      launch,
      loader,
      dataset,
      sampler: loader.dataSampler,
      gradientAccumulationSteps: config.gradientAccumulationSteps,
      training: trainingOf(config),
      lengths: lengthsOf(config),
      sourceNames: [],
      files: data === undefined ? [] : [data],
      cacheBytes: 0,
      description: Object.entries(json).map(([name, section]) => ({ name, value: describeSection(section) })),
      variesByRank: true,
      close: async () => {
        await loader.close();
        await dataset.close?.();
        removeClusters();
      },
    };
  } catch (error) {
    removeClusters();
    throw error;
  }
}

/** A stand-in for a sample that is not read: where it was drawn. */
interface DrawnSample {
  readonly index: number;
  readonly position: number;
}

const positionsOfBatches = new WeakMap<object, Positions>();

/**
 * Positions, in the order over all ranks, of the samples of an index batch. The loader yields index batches if the
 * configuration has no data.
 */
export function positionsOfIndices(batch: readonly number[]): Positions {
  return positionsOfBatches.get(batch) ?? { start: 0, step: 1 };
}

function indicesOf(drawn: readonly DrawnSample[]): number[] {
  const indices = drawn.map(({ index }) => index);
  const start = drawn[0]?.position ?? 0;
  positionsOfBatches.set(indices, { start, step: (drawn[1]?.position ?? start + 1) - start });
  return indices;
}

/** Samples that hold only where they were drawn. Without an explicit count, the curriculum's index provides it. */
function drawnSamples(
  { dataEfficiency }: DeepSpeedConfig,
  samples: number | undefined,
): Dataset<DrawnSample> {
  const length = samples ?? samplesOfIndex(dataEfficiency);
  if (length !== undefined) {
    return { length, get: (index, context) => ({ index, position: (context as DrawContext).position }) };
  }
  throw new ConfigError(
    'DeepSpeed configuration',
    [{ field: 'samples', message: 'must be given: the configuration does not describe the dataset' }],
    { next: 'Pass --samples <count>, or --data with the path of the data.' },
  );
}

function samplesOfIndex({ data_sampling }: DeepSpeedConfig['dataEfficiency']): number | undefined {
  const { metrics_path, enabled: isVariable } = data_sampling.dynamic_batching;
  if (isVariable && hasMeasuredSeqlens(metrics_path)) {
    const lengths = IndexedDataset.openSync(seqlenPrefix(metrics_path));
    lengths.close();
    return lengths.length;
  }
  const { enabled, curriculum_metrics = {} } = data_sampling.curriculum_learning;
  const prefix = Object.values(curriculum_metrics).find(
    (metric) => metric.index_to_sample_path,
  )?.index_to_sample_path;
  if (!enabled || prefix === undefined) return undefined;
  const index = DifficultyIndex.openSync({ indexToSamplePath: prefix });
  index.close();
  return index.length;
}

function trainingOf({ dataEfficiency: { data_sampling } }: DeepSpeedConfig): OpenedConfig['training'] {
  return data_sampling.curriculum_learning.enabled ? { epochs: data_sampling.num_epochs } : {};
}

function lengthsOf({ seqlenCurriculum, parity }: DeepSpeedConfig): SequenceLengths | undefined {
  if (!seqlenCurriculum) return undefined;
  return { changes: seqlenChanges(seqlenCurriculum, parity), cut: 'truncate' };
}

function inFolder(config: DeepSpeedConfig, folder: string): DeepSpeedConfig {
  const { data_sampling } = config.dataEfficiency;
  const curriculum_learning = { ...data_sampling.curriculum_learning, data_cluster_path: folder };
  return {
    ...config,
    dataEfficiency: { ...config.dataEfficiency, data_sampling: { ...data_sampling, curriculum_learning } },
  };
}
