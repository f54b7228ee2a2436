import { isTensor, type Tensor } from '../../core/tensor.js';
import { drawBoxes, drawMask } from './draw-annotations.js';
import { pictureLayout, type ShownPicture, showPicture } from './shown-picture.js';

type Fields = Readonly<Record<string, unknown>>;

/** The images of a value: one of `[C, H, W]` or `[H, W, C]`, or each of `[N, …]`, at most `most`. Empty: it is not an image. */
export function imagesOf(value: unknown, mostSide: number, most: number): ShownPicture[] {
  if (!isTensor(value)) return [];
  const { shape, dtype, data } = value;
  const isBatch = shape.length === 4;
  const layout = pictureLayout(isBatch ? shape.slice(1) : shape, dtype);
  if (!layout || data instanceof BigInt64Array || data instanceof BigUint64Array) return [];
  const elements = layout.height * layout.width * layout.channels;
  return Array.from({ length: isBatch ? Math.min(shape[0]!, most) : 1 }, (_, k) =>
    showPicture(data.subarray(k * elements, (k + 1) * elements), layout, mostSide),
  );
}

/**
 * Draws `mask` and `boxes` of a sample, or of a batch of samples, into its images.
 *
 * @param pictures - What {@link imagesOf} makes of `image`, one of the fields beside them.
 */
export function drawAnnotations(
  pictures: readonly ShownPicture[],
  image: Tensor,
  { mask, boxes }: Fields,
): void {
  const batch = image.shape.length === 4 ? [image.shape[0]!] : [];
  const layout = pictureLayout(image.shape.slice(batch.length), image.dtype);
  if (!layout) return;
  const { height, width } = layout;
  const rest = (value: Tensor) =>
    batch.every((n, k) => value.shape[k] === n) ? value.shape.slice(batch.length) : [];
  if (isTensor(mask)) {
    const shape = rest(mask);
    const isMask =
      shape.length >= 2 && shape.length <= 3 && shape.at(-2) === height && shape.at(-1) === width;
    const count = shape.length === 3 ? shape[0]! : 1;
    const pixels = height * width;
    for (const [k, picture] of isMask ? pictures.entries() : [])
      for (let n = 0; n < count; n++) {
        const start = (k * count + n) * pixels;
        drawMask(picture, mask.data.subarray(start, start + pixels), width, n);
      }
  }
  const { data } = isTensor(boxes) ? boxes : { data: undefined };
  if (isTensor(boxes) && (data instanceof Float32Array || data instanceof Float64Array)) {
    const shape = rest(boxes);
    const elements = shape.reduce((product, length) => product * length, 1);
    const isBoxes = shape.length === 2 && shape[1] === 4;
    for (const [k, picture] of isBoxes ? pictures.entries() : [])
      drawBoxes(picture, data.subarray(k * elements, (k + 1) * elements));
  }
}
