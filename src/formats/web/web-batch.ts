import { collateTree } from '../../core/collate-tree.js';
import type { BatchContext } from '../../core/dataset.js';
import { type FieldCollate, fieldCollates, type WithFieldCollates } from '../../core/field-collates.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { stackTensors } from '../../core/stack-tensors.js';
import { elementCount } from '../../core/tensor.js';
import type { ImageDType } from '../../images/image-finisher.js';
import { eachOf } from '../images/each-of.js';
import { isImage } from '../images/image-names.js';
import type { SamplePictures } from '../images/sample-pictures.js';
import { isTextOrWholeNumber } from './member-decoders.js';
import type { WebSampleValues } from './web-options.js';

/** Samples that are made at a time where decoding is asynchronous. */
const together = 16;

/** The undecoded sample at a slot of a batch. */
export interface UndecodedSample {
  readonly sample: WebSampleValues;
  /** Location of the sample, for messages. */
  readonly file: string;
}

/** A picture of one shape in every sample. */
interface PictureInPlace {
  readonly ending: string;
  readonly shape: readonly number[];
  readonly dtype: ImageDType;
}

/**
 * The picture among the endings of samples that can be written to their batch in place: all pictures have one size, and the other
 * files are texts and whole numbers, which form a batch in one way only. `undefined` if there are other files.
 */
export function pictureInPlace(
  endings: readonly string[],
  { fixed }: SamplePictures,
): PictureInPlace | undefined {
  const [ending, second] = endings.filter((each) => isImage(`x.${each}`));
  if (!fixed || ending === undefined || second !== undefined) return undefined;
  const isOnly = endings.every((each) => each === ending || isTextOrWholeNumber(each));
  return isOnly ? { ending, ...fixed } : undefined;
}

/** Makes the same batch as collating the samples one by one, without a copy of the pictures. */
export function makeWebBatch(
  count: number,
  { ending, shape, dtype }: PictureInPlace,
  pictures: SamplePictures,
  context: BatchContext,
  read: (slot: number) => MaybePromise<UndecodedSample>,
): MaybePromise<unknown> {
  const batch = context.allocate(dtype, [count, ...shape]);
  const elements = elementCount(shape);
  const samples = new Array<WebSampleValues & WithFieldCollates<string>>(count);
  const make = (slot: number): MaybePromise<void> =>
    andThen(read(slot), ({ sample, file }) => {
      samples[slot] = sample;
      const target = batch.data.subarray(slot * elements, (slot + 1) * elements);
      return pictures.applyInto(sample, file, context.sample(slot), target);
    });
  return andThen(eachOf(count, together, make), () => {
    const inPlace: FieldCollate = () => batch;
    const [first, ...others] = samples;
    const collates = { ...first?.[fieldCollates], [ending]: inPlace };
    const rules = { numberDtype: undefined, stack: stackTensors, parity: false };
    return collateTree([{ ...first, [fieldCollates]: collates }, ...others], rules, context.allocate);
  });
}
