import type { TypedArray } from '../../core/dtype.js';
import { copyElements, subarrayOf } from '../../core/dtype.js';
import { mapEach } from '../../core/map-each.js';
import { elementCount, type Tensor, tensor, zeroTensor } from '../../core/tensor.js';
import { imageWorkspace } from '../image-workspace.js';
import type { PlanarSize } from '../planar/planar-image.js';
import type { SampleRules } from './annotated-sample.js';
import type { Geometry } from './join-geometry.js';
import { type Matrix, mapped } from './matrix.js';
import type { Box } from './move.js';

/** Moves masks by nearest neighbor, so that classes stay classes. O(planes × pixels of the result). */
export function moveMask(mask: Tensor, geometry: Geometry, fill: number): Tensor {
  const [sourceHeight = 0, sourceWidth = 0] = mask.shape.slice(-2);
  const { height, width, crop } = geometry;
  // As in the image, a crop hides the pixels around it.
  const seen = crop?.visible ?? { x: 0, y: 0, width: sourceWidth, height: sourceHeight };
  const places = placesInMask(geometry, seen, sourceWidth);
  const moved = zeroTensor(mask.dtype, [...mask.shape.slice(0, -2), height, width]);
  if (isBig(moved.data)) moved.data.fill(BigInt(fill));
  else moved.data.fill(fill);
  gatherElements(mask.data, sourceHeight * sourceWidth, places, moved.data);
  return moved;
}

function isBig(data: TypedArray): data is BigInt64Array | BigUint64Array {
  return data instanceof BigInt64Array || data instanceof BigUint64Array;
}

/** The place in a mask of each pixel of the result; -1: none. */
function placesInMask({ height, width, matrix }: Geometry, seen: Box, sourceWidth: number): Int32Array {
  const places = new Int32Array(height * width);
  const [right, bottom] = [seen.x + seen.width, seen.y + seen.height];
  const workspace = imageWorkspace();
  const { kernels } = workspace;
  if (kernels) {
    const map = workspace.place('map', Float64Array.from(matrix));
    const target = workspace.bytes('places', places.byteLength);
    const { byteOffset } = target;
    const { x, y } = seen;
    kernels.functions.placesInMask(map, height, width, x, y, right, bottom, sourceWidth, byteOffset);
    new Uint8Array(places.buffer).set(target);
    return places;
  }
  for (let i = 0; i < places.length; i++) {
    const place = mapped(matrix, (i % width) + 0.5, Math.floor(i / width) + 0.5);
    const x = Math.floor(place[0]);
    const y = Math.floor(place[1]);
    const isSeen = x >= seen.x && y >= seen.y && x < right && y < bottom;
    places[i] = isSeen ? y * sourceWidth + x : -1;
  }
  return places;
}

/** Copies elements of each plane of a source of `size` elements to the places of a target that have one. */
function gatherElements(source: TypedArray, size: number, places: Int32Array, target: TypedArray): void {
  const planes = source.length / size;
  const workspace = imageWorkspace();
  const { kernels } = workspace;
  if (kernels) {
    const width = source.BYTES_PER_ELEMENT;
    const from = workspace.place('mask', source);
    const placesAt = workspace.place('places', places);
    const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    const to = workspace.bytes('moved mask', bytes.length);
    to.set(bytes);
    for (let plane = 0; plane < planes; plane++) {
      const at = to.byteOffset + plane * places.length * width;
      kernels.functions.gatherElements(from + plane * size * width, placesAt, places.length, width, at);
    }
    bytes.set(to);
    return;
  }
  for (let plane = 0; plane < planes; plane++)
    for (let i = 0; i < places.length; i++)
      if (places[i]! >= 0) target[plane * places.length + i] = source[plane * size + places[i]!]!;
}

/** Moves points. None is dropped or clipped: a point outside stays where it is. */
export function movePoints(points: Tensor<'float32'>, forward: Matrix): Tensor<'float32'> {
  const moved = new Float32Array(points.data.length);
  for (let i = 0; i < moved.length; i += 2)
    moved.set(mapped(forward, points.data[i]!, points.data[i + 1]!), i);
  return tensor(moved, points.shape);
}

/** The boxes that remain, and their numbers in the original list. */
export interface MovedBoxes {
  readonly boxes: Tensor<'float32'>;
  readonly kept: readonly number[];
}

type Rules = SampleRules;

/** Moves the four corners of each box through one map, takes the rectangle around them, and clips it once. */
export function moveBoxes(
  boxes: Tensor<'float32'>,
  forward: Matrix,
  size: PlanarSize,
  rules: Rules,
): MovedBoxes {
  return keep(boxes.shape[0]!, rules, (n) => {
    const [left, top, right, bottom] = mapEach([0, 1, 2, 3], (side) => boxes.data[4 * n + side]!);
    const corners = [
      mapped(forward, left, top),
      mapped(forward, right, top),
      mapped(forward, right, bottom),
      mapped(forward, left, bottom),
    ];
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    const around: Sides = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    const clipped: Sides = [
      Math.max(0, around[0]),
      Math.max(0, around[1]),
      Math.min(size.width, around[2]),
      Math.min(size.height, around[3]),
    ];
    return { box: clipped, share: areaOf(clipped) / areaOf(around) };
  });
}

/** The rectangle around the pixels of each mask that are not 0. A mask without any drops its box. */
export function boxesOfMasks(mask: Tensor, rules: Rules): MovedBoxes {
  const [count = 0, height = 0, width = 0] = mask.shape;
  return keep(count, rules, (n) => {
    let [left, top, right, bottom] = [width, height, 0, 0];
    for (let i = 0; i < height * width; i++) {
      if (Number(mask.data[n * height * width + i]) === 0) continue;
      const [x, y] = [i % width, Math.floor(i / width)];
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
    return { box: [left, top, right, bottom], share: 1 };
  });
}

type Sides = readonly [left: number, top: number, right: number, bottom: number];

function areaOf([left, top, right, bottom]: Sides): number {
  return Math.max(0, right - left) * Math.max(0, bottom - top);
}

function keep(
  count: number,
  { minBoxSize, minBoxShare }: Rules,
  boxOf: (n: number) => { readonly box: Sides; readonly share: number },
): MovedBoxes {
  const kept: number[] = [];
  const values: number[] = [];
  for (let n = 0; n < count; n++) {
    const { box, share } = boxOf(n);
    const isEmpty = box[2] <= box[0] || box[3] <= box[1];
    const isSmall = box[2] - box[0] < minBoxSize || box[3] - box[1] < minBoxSize;
    if (isEmpty || isSmall || share < minBoxShare) continue;
    kept.push(n);
    values.push(...box);
  }
  return { boxes: tensor(Float32Array.from(values), [kept.length, 4]), kept };
}

/** Some rows of a tensor. */
export function rowsOf(source: Tensor, rows: readonly number[]): Tensor {
  const [, ...shape] = source.shape;
  const size = elementCount(shape);
  const chosen = zeroTensor(source.dtype, [rows.length, ...shape]);
  for (const [k, row] of rows.entries())
    copyElements(subarrayOf(source.data, row * size, (row + 1) * size), chosen.data, k * size);
  return chosen;
}
