import type { SampleRandom } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import type { MovingStep } from '../augment/geometry-steps.js';
import type { StepOf } from '../image-transform.js';
import {
  type AffineParameters,
  expandedSize,
  inverseAffineMatrix,
  perspectiveCoefficients,
} from '../planar/grids.js';
import { type PlanarSize, roundHalfEven } from '../planar/planar-image.js';
import { alongAxes, following } from './matrix.js';
import type { Box, Move } from './move.js';

/** Steps that move pixels. */
export type GeometryStep =
  | StepOf<'resize'>
  | StepOf<'centerCrop'>
  | StepOf<'randomResizedCrop'>
  | StepOf<'randomHorizontalFlip'>
  | MovingStep;

const cropTries = 10;

/** Draws the random numbers of a step. */
export function drawMoves(step: GeometryStep, size: PlanarSize, rng: SampleRandom): readonly Move[] {
  switch (step.type) {
    case 'resize':
      return [{ kind: 'size', ...resizedTo(step, size) }];
    case 'centerCrop':
      return [{ kind: 'cut', box: center(step, size) }];
    case 'randomResizedCrop': {
      const [height, width] = step.size;
      return [
        { kind: 'cut', box: randomArea(step, size, rng) },
        { kind: 'size', height, width },
      ];
    }
    case 'randomHorizontalFlip':
      return rng.boolean(step.probability) ? [{ kind: 'flip', axis: 'x' }] : [];
    case 'randomVerticalFlip':
      return rng.boolean(step.probability) ? [{ kind: 'flip', axis: 'y' }] : [];
    case 'pad':
      return [{ kind: 'cut', box: padded(step.padding, size) }];
    case 'randomCrop':
      return [{ kind: 'cut', box: randomPlace(step, size, rng) }];
    case 'randomRotation':
      return [rotation(step, size, rng)];
    case 'randomAffine':
      return [affine(step, size, rng)];
    case 'randomPerspective':
      return rng.boolean(step.probability) ? [perspective(step, size, rng)] : [];
  }
}

function resizedTo({ size }: StepOf<'resize'>, { width, height }: PlanarSize): PlanarSize {
  if (typeof size !== 'number') return { height: size[0], width: size[1] };
  const [short, long] = width < height ? [width, height] : [height, width];
  const other = Math.max(1, Math.floor((size * long) / short));
  return width < height ? { width: size, height: other } : { width: other, height: size };
}

function center({ size: [height, width] }: StepOf<'centerCrop'>, from: PlanarSize): Box {
  if (width > from.width || height > from.height)
    doesNotFit('centerCrop', { height, width }, from, 'put a resize before it');
  // Rounds as Python does: halves to even.
  return {
    x: roundHalfEven((from.width - width) / 2),
    y: roundHalfEven((from.height - height) / 2),
    width,
    height,
  };
}

function doesNotFit(step: string, crop: PlanarSize, image: PlanarSize, next: string): never {
  const message = `${crop.height} × ${crop.width} does not fit into an image of ${image.height} × ${image.width}; ${next}`;
  throw new ConfigError(step, [{ field: 'size', message }]);
}

function randomArea({ scale, ratio }: StepOf<'randomResizedCrop'>, from: PlanarSize, rng: SampleRandom): Box {
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

function padded([left, top, right, bottom]: StepOf<'pad'>['padding'], { height, width }: PlanarSize): Box {
  return { x: -left, y: -top, width: width + left + right, height: height + top + bottom };
}

function randomPlace(
  { size: [height, width], padding }: StepOf<'randomCrop'>,
  from: PlanarSize,
  rng: SampleRandom,
): Box {
  const whole = padded(padding, from);
  if (width > whole.width || height > whole.height)
    doesNotFit('augment.randomCrop', { height, width }, whole, 'put a resize before it, or add padding');
  const y = whole.y + rng.integer(0, whole.height - height + 1);
  const x = whole.x + rng.integer(0, whole.width - width + 1);
  return { x, y, width, height };
}

function rotation({ degrees, expand }: StepOf<'randomRotation'>, size: PlanarSize, rng: SampleRandom): Move {
  const angle = -uniform(degrees, rng);
  const quarters = (((-angle / 90) % 4) + 4) % 4;
  const isSquare = size.height === size.width;
  if (quarters === 2 || (Number.isInteger(quarters) && (expand || isSquare)))
    return quarterTurns(quarters, size);
  return warp({ angle, translate: [0, 0], scale: 1, shear: [0, 0], center: [0, 0] }, size, expand);
}

/** Rotates counterclockwise by quarters of the circle, without a fraction of a pixel. */
function quarterTurns(quarters: number, { height, width }: PlanarSize): Move {
  if (quarters === 1)
    return { kind: 'warp', matrix: [0, -1, width, 1, 0, 0, 0, 0, 1], height: width, width: height };
  if (quarters === 3)
    return { kind: 'warp', matrix: [0, 1, 0, -1, 0, height, 0, 0, 1], height: width, width: height };
  const [turn, moveX, moveY] = quarters === 2 ? [-1, width, height] : [1, 0, 0];
  return { kind: 'warp', matrix: [turn, 0, moveX, 0, turn, moveY, 0, 0, 1], height, width };
}

function affine(step: StepOf<'randomAffine'>, size: PlanarSize, rng: SampleRandom): Move {
  const angle = uniform(step.degrees, rng);
  const move = (share: number, length: number) =>
    roundHalfEven(uniform([-share * length, share * length], rng));
  const x = move(step.translate[0], size.width);
  const y = move(step.translate[1], size.height);
  const scale = uniform(step.scale, rng);
  const shear = [uniform(step.shear[0], rng), uniform(step.shear[1], rng)] as const;
  return warp({ angle, translate: [x, y], scale, shear, center: [0, 0] }, size, false);
}

function warp(parameters: AffineParameters, size: PlanarSize, expand: boolean): Move {
  const [a, b, c, d, e, f] = inverseAffineMatrix(parameters);
  const result = expand ? expandedSize([a, b, c, d, e, f], size) : size;
  const toCenter = alongAxes(
    { scale: 1, move: -0.5 * result.width },
    { scale: 1, move: -0.5 * result.height },
  );
  const fromCenter = alongAxes({ scale: 1, move: 0.5 * size.width }, { scale: 1, move: 0.5 * size.height });
  const matrix = following(following(toCenter, [a, b, c, d, e, f, 0, 0, 1]), fromCenter);
  return { kind: 'warp', matrix, height: result.height, width: result.width };
}

function perspective(
  { distortionScale }: StepOf<'randomPerspective'>,
  { height, width }: PlanarSize,
  rng: SampleRandom,
): Move {
  const mostX = Math.trunc(distortionScale * Math.floor(width / 2)) + 1;
  const mostY = Math.trunc(distortionScale * Math.floor(height / 2)) + 1;
  const [right, bottom] = [width - 1, height - 1];
  const endpoints = [
    [rng.integer(0, mostX), rng.integer(0, mostY)],
    [rng.integer(width - mostX, width), rng.integer(0, mostY)],
    [rng.integer(width - mostX, width), rng.integer(height - mostY, height)],
    [rng.integer(0, mostX), rng.integer(height - mostY, height)],
  ] as const;
  const startpoints = [
    [0, 0],
    [right, 0],
    [right, bottom],
    [0, bottom],
  ] as const;
  // An image of one pixel has no corners to move: the result is the identity.
  const [a = 1, b = 0, c = 0, d = 0, e = 1, f = 0, g = 0, h = 0] =
    perspectiveCoefficients(startpoints, endpoints) ?? [];
  return { kind: 'warp', matrix: [a, b, c, d, e, f, g, h, 1], height, width };
}

function uniform([low, high]: readonly [number, number], rng: SampleRandom): number {
  return low + rng.float() * (high - low);
}
