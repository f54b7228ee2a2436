// The names of the public contract. Adding one is a visible decision: it is added here, too.
import { describe, expect, it } from 'vitest';

const contract: Record<string, readonly string[]> = {
  millrace: [
    'DataLoader',
    'RepeatingLoader',
    'defaultCollate',
    'padCollate',
    'torchCollate',
    'getWorkerInfo',
    'SequentialSampler',
    'RandomSampler',
    'SubsetRandomSampler',
    'WeightedRandomSampler',
    'BatchSampler',
    'DistributedSampler',
    'TensorDataset',
    'ArrayDataset',
    'Subset',
    'ConcatDataset',
    'StackDataset',
    'ChainDataset',
    'MapDataset',
    'TokenWindows',
    'randomSplit',
    'workerDataset',
    'workerFunction',
    'tensor',
    'ConfigError',
    'WorkerTransferError',
    'EmptyLoaderError',
    'ReleasedBatchError',
  ],
  'millrace/random': [
    'TorchGenerator',
    'NumpyGenerator',
    'PythonRandom',
    'IndexPermutation',
    'SampleRng',
    'manualSeed',
    'defaultGenerator',
  ],
  'millrace/formats': ['IndexedDataset', 'IndexedDatasetBuilder', 'ImageFolder'],
  'millrace/images': [
    'ImagePipeline',
    'resize',
    'centerCrop',
    'randomResizedCrop',
    'randomHorizontalFlip',
    'colorJitter',
    'normalize',
    'imageNetStatistics',
  ],
  'millrace/analysis': ['DataAnalyzer', 'analyzeDifficulty'],
  'millrace/deepspeed': [
    'parseDeepSpeedConfig',
    'DeepSpeedDataLoader',
    'DeepSpeedDataSampler',
    'CurriculumScheduler',
    'DataAnalyzer',
    'deepspeedIo',
    'batchBySeqlens',
    'scaleLr',
    'VariableBatchSizeLr',
    'RandomLtdScheduler',
    'ThroughputTimer',
    'RepeatingLoader',
  ],
  'millrace/storage': ['openSource'],
  'millrace/accelerator': ['getAccelerator', 'setAccelerator'],
  'millrace/monitor': ['ThroughputTimer'],
  'millrace/jax': ['toJax'],
  'millrace/tfjs': ['toTf'],
};

describe('the public contract', () => {
  it.each(Object.entries(contract))('%s exports its names', async (entry, names) => {
    const module = await import(entry);
    for (const name of names) expect(module, name).toHaveProperty(name);
  });
});
