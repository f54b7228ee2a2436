import type { SampleRandom } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import type { ImageTransform, StepOf } from './image-transform.js';

/** A rectangle in the pixels of an image, with fractional edges. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The combined geometry of all steps that move pixels. */
export interface CropGeometry {
  /** The source rectangle. */
  readonly box: Box;
  /** Source pixels that may be read, as whole numbers: a crop before a resize hides the pixels around it. */
  readonly visible: Box;
  /** Size of the result. */
  readonly width: number;
  readonly height: number;
  readonly flip: boolean;
}

const cropTries = 10;

/** Combines the steps that move pixels into one crop and one resampling, with the sample's random numbers. */
export function cropGeometry(
  steps: readonly ImageTransform[],
  image: { readonly width: number; readonly height: number },
  rng: SampleRandom,
): CropGeometry {
  const whole = { x: 0, y: 0, ...image };
  let geometry: CropGeometry = { box: whole, visible: whole, ...image, flip: false };
  for (const step of steps) {
    if (step.type === 'resize') geometry = { ...geometry, ...resizedTo(step, geometry) };
    else if (step.type === 'centerCrop') geometry = cropped(geometry, center(step, geometry));
    else if (step.type === 'randomResizedCrop') {
      const [height, width] = step.size;
      geometry = { ...cropped(geometry, randomCrop(step, geometry, rng)), width, height };
    } else if (step.type === 'randomHorizontalFlip' && rng.boolean(step.probability))
      geometry = { ...geometry, flip: !geometry.flip };
  }
  return geometry;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function resizedTo({ size }: StepOf<'resize'>, { width, height }: Size): Size {
  if (typeof size !== 'number') return { height: size[0], width: size[1] };
  const [short, long] = width < height ? [width, height] : [height, width];
  const other = Math.max(1, Math.floor((size * long) / short));
  return width < height ? { width: size, height: other } : { width: other, height: size };
}

function center({ size: [height, width] }: StepOf<'centerCrop'>, from: Size): Box {
  if (width > from.width || height > from.height) {
    throw new ConfigError('centerCrop', [
      {
        field: 'size',
        message: `${height} × ${width} does not fit into an image of ${from.height} × ${from.width}; put a resize before it`,
      },
    ]);
  }
  // Rounds as Python does: halves to even.
  return {
    x: roundHalfEven((from.width - width) / 2),
    y: roundHalfEven((from.height - height) / 2),
    width,
    height,
  };
}

function randomCrop({ scale, ratio }: StepOf<'randomResizedCrop'>, from: Size, rng: SampleRandom): Box {
  const area = from.width * from.height;
  const [low, high] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < cropTries; attempt++) {
    const target = area * (scale[0] + rng.float() * (scale[1] - scale[0]));
    const aspect = Math.exp(low + rng.float() * (high - low));
    const width = roundHalfEven(Math.sqrt(target * aspect));
    const height = roundHalfEven(Math.sqrt(target / aspect));
    if (width < 1 || height < 1 || width > from.width || height > from.height) continue;
    const y = rng.integer(0, from.height - height + 1);
    const x = rng.integer(0, from.width - width + 1);
    return { x, y, width, height };
  }
  const aspect = from.width / from.height;
  let { width, height } = from;
  if (aspect < ratio[0]) height = roundHalfEven(width / ratio[0]);
  else if (aspect > ratio[1]) width = roundHalfEven(height * ratio[1]);
  return { x: (from.width - width) >> 1, y: (from.height - height) >> 1, width, height };
}

/** Crops to a box, given in pixels of the current result. */
function cropped(from: CropGeometry, cut: Box): CropGeometry {
  const scaleX = from.box.width / from.width;
  const scaleY = from.box.height / from.height;
  const left = from.flip ? from.width - cut.x - cut.width : cut.x;
  const box = {
    x: from.box.x + left * scaleX,
    y: from.box.y + cut.y * scaleY,
    width: cut.width * scaleX,
    height: cut.height * scaleY,
  };
  const isUnscaled = scaleX === 1 && scaleY === 1;
  return { ...from, box, visible: isUnscaled ? box : from.visible, width: cut.width, height: cut.height };
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
