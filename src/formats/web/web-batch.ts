import { collateTree } from '../../core/collate-tree.js';
import type { BatchContext } from '../../core/dataset.js';
import { type FieldCollate, fieldCollates, type WithFieldCollates } from '../../core/field-collates.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { stackTensors } from '../../core/stack-tensors.js';
import { elementCount } from '../../core/tensor.js';
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

/**
 * The picture among the endings of samples that can be written to their batch in place: all pictures have one size, and the other
 * files are texts and whole numbers, which form a batch in one way only. `undefined` if there are other files.
 */
export function pictureInPlace(endings: readonly string[], pictures: SamplePictures): string | undefined {
  const [picture, second] = endings.filter((ending) => isImage(`x.${ending}`));
  if (!pictures.fixed || picture === undefined || second !== undefined) return undefined;
  return endings.every((ending) => ending === picture || isTextOrWholeNumber(ending)) ? picture : undefined;
}

/** Makes the same batch as collating the samples one by one, without a copy of the pictures. */
export function makeWebBatch(
  count: number,
  picture: string,
  pictures: SamplePictures,
  context: BatchContext,
  read: (slot: number) => MaybePromise<UndecodedSample>,
): MaybePromise<unknown> {
  const { shape, dtype } = pictures.fixed!;
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
    const collates = { ...first![fieldCollates], [picture]: inPlace };
    const rules = { numberDtype: undefined, stack: stackTensors, parity: false };
    return collateTree([{ ...first, [fieldCollates]: collates }, ...others], rules, context.allocate);
  });
}
