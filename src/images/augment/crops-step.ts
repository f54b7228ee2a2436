import * as v from 'valibot';
import { booleanOption, integerFrom, parseOptions } from '../../core/options.js';

/** The step of {@link fiveCrop} or {@link tenCrop}. */
export type CropsStep = { readonly size: readonly [height: number, width: number] } & (
  | { readonly type: 'fiveCrop' }
  /** `verticalFlip`: whether the second five are mirrored top and bottom, not left and right. */
  | { readonly type: 'tenCrop'; readonly verticalFlip: boolean }
);

const pixels = integerFrom(1);
const schema = v.strictObject({
  size: v.union([pixels, v.tuple([pixels, pixels])], 'must be a number of pixels or [height, width]'),
  verticalFlip: v.optional(booleanOption, false),
});

/**
 * The four corners and the center of an image, as torchvision's `FiveCrop`: a sample has the shape `[5, C, H, W]`. Only `normalize` and
 * the steps after it may follow. An image that is smaller is an error.
 */
export function fiveCrop(size: number | readonly [height: number, width: number]): CropsStep {
  const parsed = parseOptions('augment.fiveCrop', schema, { size });
  return { type: 'fiveCrop', size: bothSides(parsed.size) };
}

/**
 * The crops of {@link fiveCrop}, and those of the mirrored image, as torchvision's `TenCrop`: shape `[10, C, H, W]`.
 *
 * @param options - `verticalFlip`: whether the image is mirrored top and bottom instead. @defaultValue `false`
 */
export function tenCrop(
  size: number | readonly [height: number, width: number],
  options: { readonly verticalFlip?: boolean } = {},
): CropsStep {
  const parsed = parseOptions('augment.tenCrop', schema, { ...options, size });
  return { type: 'tenCrop', size: bothSides(parsed.size), verticalFlip: parsed.verticalFlip };
}

function bothSides(size: number | readonly [number, number]): readonly [number, number] {
  return typeof size === 'number' ? [size, size] : size;
}
