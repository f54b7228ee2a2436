import { join } from 'node:path';
import type { Dataset, SampleContext } from '../../core/dataset.js';
import { bytesPerElement } from '../../core/dtype.js';
import { firstAbove } from '../../core/first-above.js';
import { isTensor } from '../../core/tensor.js';
import { ConcatDataset, MapDataset, MixtureDataset, Subset } from '../../datasets/index.js';
import { isStepwise, type StepwisePictures } from '../../formats/images/stepwise-pictures.js';
import { ImageFolder, IndexedDataset } from '../../formats/index.js';
import type { ImageTransform } from '../../images/index.js';
import { LengthWarmup } from '../../tokens/length-warmup.js';
import { PackedDataset } from '../../tokens/packed-dataset.js';
import { TokenWindows } from '../../tokens/token-windows.js';

/** A stage of making a sample. */
export interface SampleStage {
  /** Class name of the dataset. */
  readonly name: string;
  /** Where the sample comes from: a source, a file and bytes. */
  readonly from: string | undefined;
  /** Makes the sample up to this stage; absent if the stage only selects a sample of another dataset. */
  readonly make: ((context: SampleContext) => unknown) | undefined;
  /** Whether this stage repeats the random draws of the previous one before its own. */
  readonly redraws?: boolean;
}

/** Lists the stages of a sample, innermost first. @param sourceNames - Names of the sources of a mixture. */
export function sampleStages(
  dataset: Dataset<unknown>,
  index: number,
  epoch: number,
  sourceNames: readonly string[] = [],
): SampleStage[] {
  const { name } = dataset.constructor;
  const choosing = (inner: Dataset<unknown>, innerIndex: number, from: string): SampleStage[] => [
    { name, from, make: undefined },
    ...sampleStages(inner, innerIndex, epoch),
  ];
  const making = (from?: string): SampleStage => ({
    name,
    from,
    make: (context) => dataset.get(index, context),
  });
  if (dataset instanceof MixtureDataset) {
    const origin = dataset.originOf(index, epoch);
    const source = sourceNames[origin.source] ?? `source ${origin.source}`;
    const inner = sampleStages(dataset.datasets[origin.source]!, origin.index, origin.epoch);
    const partOf = (context: SampleContext) => dataset.partOf(origin, context);
    return [
      { name, from: `sample ${origin.index} of ${source}`, make: undefined },
      ...inner.map(({ make, ...stage }) => ({
        ...stage,
        make: make && ((context: SampleContext) => make(partOf(context))),
      })),
    ];
  }
  if (dataset instanceof Subset) {
    const parent = dataset.indices[index]!;
    return choosing(dataset.dataset, parent, `sample ${parent} of its parent`);
  }
  if (dataset instanceof ConcatDataset) {
    const k = firstAbove(dataset.ends, index);
    const own = index - (dataset.ends[k - 1] ?? 0);
    return choosing(dataset.datasets[k]!, own, `sample ${own} of dataset ${k}`);
  }
  if (dataset instanceof MapDataset || dataset instanceof LengthWarmup)
    return [...sampleStages(dataset.dataset, index, epoch), making()];
  if (dataset instanceof TokenWindows) return [making(windowPlace(dataset, index))];
  if (dataset instanceof PackedDataset) return [making(piecesText(dataset, index, epoch))];
  if (dataset instanceof IndexedDataset) return [making(itemPlace(dataset, index))];
  if (isStepwise(dataset) && dataset.imageSteps?.length) {
    const from = dataset instanceof ImageFolder ? join(dataset.root, dataset.path(index)) : undefined;
    return pictureStages(dataset, dataset.imageSteps, index, from);
  }
  if (dataset instanceof ImageFolder) return [making(join(dataset.root, dataset.path(index)))];
  return [making()];
}

/** The picture of a sample before the first step and after each. */
function pictureStages(
  dataset: StepwisePictures,
  steps: readonly ImageTransform[],
  index: number,
  from: string | undefined,
): SampleStage[] {
  const { name } = dataset.constructor;
  return [name, ...steps.map(stepName)].map((title, count) => ({
    name: count === 0 ? title : `step ${count - 1}: ${title}`,
    from: count === 0 ? from : undefined,
    make: (context) => dataset.afterSteps(count).get(index, context),
    redraws: count > 0,
  }));
}

function stepName(step: ImageTransform): string {
  return typeof step === 'function' ? `function ${step.name}`.trim() : step.type;
}

function windowPlace({ source, stride, windowLength }: TokenWindows, index: number): string {
  const start = index * stride;
  const tokens = `tokens ${start} … ${start + windowLength}`;
  if (isTensor(source) || !(source instanceof IndexedDataset)) return tokens;
  const width = bytesPerElement(source.dtype);
  return `${tokens}: bytes ${start * width} … ${(start + windowLength + 1) * width - 1} of ${source.prefix}.bin`;
}

function piecesText(dataset: PackedDataset, row: number, epoch: number): string {
  const pieces = dataset
    .piecesOf(row, epoch)
    .map(({ document, start, length }) => `document ${document} [${start} … ${start + length - 1}]`);
  return pieces.join(', ');
}

function itemPlace({ pointers, sizes, dtype, prefix }: IndexedDataset, index: number): string {
  const start = pointers[index]!;
  const byteLength = sizes[index]! * bytesPerElement(dtype);
  return byteLength === 0
    ? `an empty item of ${prefix}.bin`
    : `bytes ${start} … ${start + byteLength - 1} of ${prefix}.bin`;
}
