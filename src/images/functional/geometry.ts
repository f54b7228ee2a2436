import * as v from 'valibot';
import { booleanOption, parseOptions } from '../../core/options.js';
import { cropImage, rotateQuarters } from '../planar/crops.js';
import {
  affineGrid,
  expandedSize,
  inverseAffineMatrix,
  type PerspectiveCoefficients,
  perspectiveCoefficients,
  perspectiveGrid,
  type SamplingGrid,
} from '../planar/grids.js';
import { copyImage, type PlanarImage, type PlanarSize } from '../planar/planar-image.js';
import { type Interpolation, resizeImage } from '../planar/resize-image.js';
import { sampleGrid } from '../planar/sample-grid.js';
import { type ImageTensor, imageArgument, imageTensor } from './image-argument.js';
import {
  checkFill,
  count,
  type Fill,
  fillOption,
  finite,
  pair,
  pairOf,
  positive,
  refuse,
  type Size,
  sizeOption,
  whole,
} from './parameters.js';

/** Interpolation of a resize. `'nearest'` is PyTorch's, `'nearest-exact'` Pillow's. */
export type ResizeInterpolation = Interpolation;

const interpolationOption = v.optional(
  v.picklist(
    ['nearest', 'nearest-exact', 'bilinear', 'bicubic'],
    "must be 'nearest', 'nearest-exact', 'bilinear' or 'bicubic'",
  ),
  'bilinear',
);
const antialiasOption = v.optional(v.nullable(booleanOption), true);

export interface ResizeOptions {
  /** Length of the shorter side, or `[height, width]`; `null`: `maxSize` alone counts. */
  readonly size: Size | null;
  /** @defaultValue `'bilinear'` */
  readonly interpolation?: ResizeInterpolation;
  /** Most pixels of the longer side, where `size` is one number. @defaultValue no limit */
  readonly maxSize?: number | null;
  /** Whether bilinear and bicubic filters widen when the image shrinks, as in Pillow. @defaultValue `true` */
  readonly antialias?: boolean | null;
}

const resizeSchema = v.strictObject({
  size: v.nullable(sizeOption),
  interpolation: interpolationOption,
  maxSize: v.optional(v.nullable(count)),
  antialias: antialiasOption,
});

/** Resizes. @throws {@link ConfigError} */
export function resize(image: ImageTensor, options: ResizeOptions): ImageTensor {
  const { size, interpolation, maxSize, antialias } = parseOptions(
    'functional.resize',
    resizeSchema,
    options,
  );
  const planar = imageArgument('resize', image);
  const target = resizedSize(planar, size, maxSize ?? undefined);
  return imageTensor(resizeImage(planar, target, { interpolation, antialias: antialias ?? false }));
}

function resizedSize(
  { height, width }: PlanarSize,
  size: Size | null,
  maxSize: number | undefined,
): PlanarSize {
  const [short, long] = width <= height ? [width, height] : [height, width];
  const upright = (newShort: number, newLong: number): PlanarSize => {
    const [shorter, longer] = [Math.max(1, newShort), Math.max(1, newLong)];
    return width <= height ? { width: shorter, height: longer } : { width: longer, height: shorter };
  };
  if (size === null) {
    if (maxSize === undefined) refuse('resize', 'maxSize', 'must be a number of pixels if size is null');
    return upright(Math.trunc((maxSize * short) / long), maxSize);
  }
  const sides = typeof size === 'number' ? [size] : size;
  if (sides.length === 2) {
    if (maxSize !== undefined) refuse('resize', 'maxSize', 'needs a size of one number');
    return { height: sides[0]!, width: sides[1]! };
  }
  const wanted = sides[0]!;
  const other = Math.trunc((wanted * long) / short);
  if (maxSize !== undefined && maxSize <= wanted)
    refuse('resize', 'maxSize', `must be above the size, ${wanted}`);
  if (maxSize !== undefined && other > maxSize)
    return upright(Math.trunc((maxSize * wanted) / other), maxSize);
  return upright(wanted, other);
}

export interface ResizedCropOptions {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
  /** Length of the shorter side, or `[height, width]`. */
  readonly size: Size;
  /** @defaultValue `'bilinear'` */
  readonly interpolation?: ResizeInterpolation;
  /** @defaultValue `true` */
  readonly antialias?: boolean | null;
}

const resizedCropSchema = v.strictObject({
  top: whole,
  left: whole,
  height: count,
  width: count,
  size: sizeOption,
  interpolation: interpolationOption,
  antialias: antialiasOption,
});

/** Cuts out a rectangle and resizes it. @throws {@link ConfigError} */
export function resizedCrop(image: ImageTensor, options: ResizedCropOptions): ImageTensor {
  const { size, interpolation, antialias, ...area } = parseOptions(
    'functional.resizedCrop',
    resizedCropSchema,
    options,
  );
  const cut = cropImage(imageArgument('resizedCrop', image), area);
  const target = resizedSize(cut, size, undefined);
  return imageTensor(resizeImage(cut, target, { interpolation, antialias: antialias ?? false }));
}

/** Options of all transformations that rotate and shear. */
interface SamplingOptions {
  /** `'nearest'` or `'bilinear'`, without antialiasing. */
  readonly interpolation?: 'nearest' | 'bilinear';
  /** Color of the pixels beyond the image: one value, or one for each channel. @defaultValue black */
  readonly fill?: Fill;
}

const samplingOption = v.picklist(['nearest', 'bilinear'], "must be 'nearest' or 'bilinear'");
const centerOption = v.optional(v.nullable(pair));

export interface AffineOptions extends SamplingOptions {
  /** Degrees, clockwise. */
  readonly angle: number;
  /** Pixels to the right and down. */
  readonly translate: readonly [x: number, y: number];
  readonly scale: number;
  /** Degrees along x and y; one number shears along x. */
  readonly shear: number | readonly number[];
  /** The fixed point, in pixels from the top left. @defaultValue the center of the image */
  readonly center?: readonly [x: number, y: number] | null;
}

const affineSchema = v.strictObject({
  angle: finite,
  translate: pair,
  scale: positive,
  shear: v.union(
    [finite, v.pipe(v.array(finite), v.minLength(1), v.maxLength(2))],
    'must be a number or [x, y]',
  ),
  interpolation: v.optional(samplingOption, 'nearest'),
  fill: fillOption,
  center: centerOption,
});

/** Rotates, moves, scales and shears around a point. @defaultValue `interpolation: 'nearest'` @throws {@link ConfigError} */
export function affine(image: ImageTensor, options: AffineOptions): ImageTensor {
  const { shear, center, interpolation, fill, ...parameters } = parseOptions(
    'functional.affine',
    affineSchema,
    options,
  );
  const planar = imageArgument('affine', image);
  const matrix = inverseAffineMatrix({
    ...parameters,
    shear: typeof shear === 'number' ? [shear, 0] : pairOf(shear),
    center: fromCenter(center, planar),
  });
  return sampled('affine', planar, affineGrid(matrix, planar, planar), { interpolation, fill });
}

export interface RotateOptions extends SamplingOptions {
  /** Degrees, counterclockwise. */
  readonly angle: number;
  /** Whether the result is large enough for the whole rotated image. @defaultValue `false` */
  readonly expand?: boolean;
  /** The fixed point, in pixels from the top left. @defaultValue the center of the image */
  readonly center?: readonly [x: number, y: number] | null;
}

const rotateSchema = v.strictObject({
  angle: finite,
  interpolation: v.optional(samplingOption, 'nearest'),
  expand: v.optional(booleanOption, false),
  center: centerOption,
  fill: fillOption,
});

/** Rotates around a point. @defaultValue `interpolation: 'nearest'` @throws {@link ConfigError} */
export function rotate(image: ImageTensor, options: RotateOptions): ImageTensor {
  const { angle, interpolation, expand, center, fill } = parseOptions(
    'functional.rotate',
    rotateSchema,
    options,
  );
  const planar = imageArgument('rotate', image);
  const turn = ((angle % 360) + 360) % 360;
  const quarters = turn / 90;
  const keepsSize = expand || planar.height === planar.width;
  if (!center && turn === 0) return imageTensor(copyImage(planar));
  if (!center && (turn === 180 || ((turn === 90 || turn === 270) && keepsSize)))
    return imageTensor(rotateQuarters(planar, quarters));
  const matrix = inverseAffineMatrix({
    angle: -turn,
    translate: [0, 0],
    scale: 1,
    shear: [0, 0],
    center: fromCenter(center, planar),
  });
  const size = expand ? expandedSize(matrix, planar) : planar;
  return sampled('rotate', planar, affineGrid(matrix, planar, size), { interpolation, fill });
}

export interface PerspectiveOptions extends SamplingOptions {
  /** Four corners of the image: top left, top right, bottom right, bottom left. */
  readonly startpoints?: readonly (readonly [x: number, y: number])[] | null;
  /** Where these corners are in the result. */
  readonly endpoints?: readonly (readonly [x: number, y: number])[] | null;
  /** Eight coefficients instead of corners: they map the result to its source. */
  readonly coefficients?: readonly number[] | null;
}

const corners = v.optional(v.nullable(v.pipe(v.array(pair), v.length(4, 'must be four points [x, y]'))));
const perspectiveSchema = v.strictObject({
  startpoints: corners,
  endpoints: corners,
  interpolation: v.optional(samplingOption, 'bilinear'),
  fill: fillOption,
  coefficients: v.optional(v.nullable(v.pipe(v.array(finite), v.length(8, 'must be eight numbers')))),
});

/** Moves four corners to new positions. @defaultValue `interpolation: 'bilinear'` @throws {@link ConfigError} */
export function perspective(image: ImageTensor, options: PerspectiveOptions): ImageTensor {
  const { startpoints, endpoints, coefficients, interpolation, fill } = parseOptions(
    'functional.perspective',
    perspectiveSchema,
    options,
  );
  const planar = imageArgument('perspective', image);
  let found: PerspectiveCoefficients | undefined;
  if (coefficients) {
    if (startpoints || endpoints)
      refuse('perspective', 'coefficients', 'replaces startpoints and endpoints: give one of them');
    found = coefficients;
  } else {
    if (!startpoints || !endpoints)
      refuse('perspective', startpoints ? 'endpoints' : 'startpoints', 'is missing');
    found = perspectiveCoefficients(startpoints, endpoints);
    if (!found) refuse('perspective', 'endpoints', 'must be corners of a quadrilateral');
  }
  return sampled('perspective', planar, perspectiveGrid(found, planar), { interpolation, fill });
}

function sampled(
  operation: string,
  image: PlanarImage,
  grid: SamplingGrid,
  {
    interpolation,
    fill,
  }: { readonly interpolation: 'nearest' | 'bilinear'; readonly fill: Fill | undefined },
): ImageTensor {
  return imageTensor(
    sampleGrid(image, grid, { interpolation, fill: checkFill(operation, fill, image.channels) }),
  );
}

/** A point in pixels from the top left, from the center of the image. */
function fromCenter(
  center: readonly [number, number] | null | undefined,
  { height, width }: PlanarSize,
): readonly [x: number, y: number] {
  return center ? [center[0] - 0.5 * width, center[1] - 0.5 * height] : [0, 0];
}
