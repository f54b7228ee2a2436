import type { TypedArray } from '../core/dtype.js';
import { copyElements, subarrayOf } from '../core/dtype.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { imageWorkspace } from './image-workspace.js';

/** A rectangle of whole pixels. */
export interface PastedBox {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Mixes each part of a batch with the one before it, and the first with the last, in place and in float32. */
export function mixValues(values: Float32Array, batch: number, share: number): void {
  const [own, other] = [Math.fround(share), Math.fround(1 - share)];
  const size = values.length / batch;
  const last = values.slice((batch - 1) * size);
  for (let b = batch - 1; b >= 0; b--) {
    const before = b === 0 ? last : values.subarray((b - 1) * size, b * size);
    for (let start = 0; start < size; start += together) {
      const end = Math.min(size, start + together);
      const part = values.subarray(b * size + start, b * size + end);
      mixPart(part, before.subarray(start, end), own, other);
    }
  }
}

/** Values that are copied to kernels at once, if they are not in their memory already. */
const together = 16_384;

/** Replaces values by `before * other + value * own`. */
function mixPart(values: Float32Array, before: Float32Array, own: number, other: number): void {
  const workspace = imageWorkspace();
  const { kernels } = workspace;
  if (!kernels) {
    for (let i = 0; i < values.length; i++)
      values[i] = Math.fround(before[i]! * other) + Math.fround(values[i]! * own);
    return;
  }
  const { memory, functions } = kernels;
  const from = memory.addressOf(before) ?? workspace.place('mixed before', before);
  const direct = memory.addressOf(values);
  const address = direct ?? workspace.place('mixed values', values);
  functions.mixFloats(address, from, values.length, own, other);
  if (direct === undefined) values.set(new Float32Array(memory.buffer, address, values.length));
}

interface BatchShape {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Replaces a rectangle of each image by that of the one before it, and the first by the last, in place. */
export function pasteBoxes(values: TypedArray, shape: BatchShape, box: PastedBox): void {
  const { batch, channels, height, width } = shape;
  const { left, top, right, bottom } = box;
  const image = channels * height * width;
  const last = values.slice((batch - 1) * image);
  for (let b = batch - 1; b >= 0; b--) {
    const before = b === 0 ? last : values.subarray((b - 1) * image, b * image);
    for (let channel = 0; channel < channels; channel++) {
      for (let y = top; y < bottom; y++) {
        const row = (channel * height + y) * width;
        copyElements(subarrayOf(before, row + left, row + right), values, b * image + row + left);
      }
    }
  }
}

/**
 * Writes the labels of a mixed batch.
 *
 * @param labels - Numbers of classes, shape `[B]`, or probabilities, shape `[B, numClasses]`.
 * @param target - Shape `[B, numClasses]`.
 * @throws {@link ConfigError} for a class that is not below `numClasses`.
 */
export function mixLabels(
  labels: Tensor,
  numClasses: number,
  share: number,
  target: Float32Array,
  names: { readonly mix: string; readonly numClasses: number | undefined; readonly label: string },
): void {
  const [batch = 0] = labels.shape;
  if (labels.shape.length > 2) {
    throw new ShapeError(`${names.mix} needs ${names.label} of the shape [B] or [B, numClasses]`, {
      where: { shape: `[${labels.shape}]` },
      next: 'Name the field of the labels with the option label.',
    });
  }
  const wrong = (field: string, message: string) =>
    new ConfigError(`${names.mix} options`, [{ field, message }]);
  if (labels.shape.length === 2 && names.numClasses !== undefined && names.numClasses !== numClasses)
    throw wrong('numClasses', `is ${names.numClasses}, and labels have ${numClasses} probabilities`);
  target.fill(0);
  if (labels.shape.length === 2) target.set(Array.from(labels.data, Number));
  else {
    for (let b = 0; b < batch; b++) {
      const label = Number(labels.data[b]);
      if (!Number.isInteger(label) || label < 0 || label >= numClasses)
        throw wrong('numClasses', `is ${numClasses}, and a label is ${label}`);
      target[b * numClasses + label] = 1;
    }
  }
  if (share !== 1) mixValues(target, batch, share);
}
