import { isMapDataset } from '../../../core/dataset.js';
import { ConfigError } from '../../../core/errors.js';
import type { SampleCache } from '../../batch/sample-cache.js';

/** What a thread needs to open the cache of samples. */
export type CachePlan =
  | {
      readonly type: 'memory';
      readonly memory: SharedArrayBuffer;
    }
  | {
      readonly type: 'disk';
      readonly folder: string;
      readonly maxBytes: number;
      /** Identifies the code that makes samples, and its options. */
      readonly code: string;
    };

/**
 * Opens the cache of samples in this thread.
 *
 * @throws {@link ConfigError} for a dataset whose indices do not always denote the same samples
 */
export async function openCache(
  plan: CachePlan | undefined,
  dataset: object,
): Promise<SampleCache | undefined> {
  if (!plan) return undefined;
  if (!isMapDataset(dataset)) throw problem('needs a map-style dataset; this one can only be iterated');
  if (dataset.variesByEpoch) {
    throw problem(
      'needs a dataset whose index denotes the same sample in every epoch: keep the samples of its sources instead, by ' +
        'converting them once',
    );
  }
  const { KeptSamples } = await import('./kept-samples.js');
  if (plan.type === 'memory') {
    const { MemoryStore } = await import('./memory-store.js');
    return new KeptSamples(new MemoryStore(plan.memory, dataset.length));
  }
  const { DiskStore } = await import('./disk-store.js');
  const { datasetFingerprint } = await import('../../../datasets/dataset-fingerprint.js');
  return new KeptSamples(new DiskStore({ ...plan, identity: `${plan.code} ${datasetFingerprint(dataset)}` }));
}

function problem(message: string): ConfigError {
  return new ConfigError('DataLoader options', [{ field: 'cacheSamples', message }]);
}
