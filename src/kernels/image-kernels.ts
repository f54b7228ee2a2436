import { wasmBase64 } from './image-wasm-bytes.js';
import { type Kernels, kernels, oncePerThread } from './kernels.js';

/** The exports of `assembly/images.ts`; see {@link KernelFunctions}. */
export interface ImageKernelFunctions {
  grayOfRgb(source: number, pixels: number, target: number): void;
  sumOfGray(source: number, pixels: number): number;
  blendGray(source: number, pixels: number, scale: number, rest: number, target: number): void;
  turnHue(source: number, pixels: number, shift: number, target: number): void;
  mapLevels(source: number, count: number, table: number, target: number): void;
  countLevels(source: number, count: number, counts: number): void;
  levelRange(source: number, count: number): number;
  sumOfLevels(source: number, count: number): number;
  scaleLevels(source: number, count: number, scale: number, target: number): void;
  addScaled(source: number, count: number, scale: number, target: number): void;
  mixFloats(values: number, before: number, count: number, own: number, other: number): void;
  truncateLevels(source: number, count: number, target: number): void;
  sharpenPlane(source: number, height: number, width: number, rest: number, target: number): void;
  blurPlane(
    source: number,
    height: number,
    width: number,
    xWeights: number,
    xTaps: number,
    yWeights: number,
    yTaps: number,
    padded: number,
    rows: number,
    target: number,
  ): void;
  placesOfRow(
    map: number,
    isPerspective: number,
    u: number,
    v: number,
    halfWidth: number,
    halfHeight: number,
    width: number,
    xs: number,
    ys: number,
  ): void;
  pixelsOfPlanes(source: number, pixels: number, channels: number, target: number): void;
  nearestOfGrid(
    source: number,
    height: number,
    width: number,
    xs: number,
    ys: number,
    count: number,
    fill: number,
    channels: number,
    target: number,
    stride: number,
  ): void;
  samplesOfGrid(
    source: number,
    height: number,
    width: number,
    xs: number,
    ys: number,
    count: number,
    hasFill: number,
    fills: number,
    channels: number,
    target: number,
    stride: number,
  ): void;
  placesInMask(
    map: number,
    height: number,
    width: number,
    left: number,
    top: number,
    right: number,
    bottom: number,
    sourceWidth: number,
    target: number,
  ): void;
  planesOfRgbx(source: number, pixels: number, channels: number, target: number): void;
  grayOfRgbx(source: number, pixels: number, target: number): void;
  interleaveRgb(source: number, pixels: number, target: number): void;
  rgbOfRgbx(source: number, pixels: number, target: number): void;
  rgbxOfPacked(
    source: number,
    pixels: number,
    channels: number,
    isCmyk: number,
    fourth: number,
    target: number,
  ): void;
  lookUpLevels(
    source: number,
    count: number,
    table: number,
    bytes: number,
    step: number,
    target: number,
  ): void;
  gatherPlane(
    source: number,
    rows: number,
    columns: number,
    height: number,
    width: number,
    target: number,
  ): void;
  gatherElements(source: number, places: number, count: number, bytes: number, target: number): void;
  resizeRows(
    source: number,
    rows: number,
    width: number,
    starts: number,
    weights: number,
    taps: number,
    bits: number,
    resized: number,
    target: number,
  ): void;
  resizeColumns(
    source: number,
    channels: number,
    height: number,
    width: number,
    starts: number,
    counts: number,
    weights: number,
    taps: number,
    bits: number,
    resized: number,
    target: number,
  ): void;
  resizeRgbx(
    source: number,
    stride: number,
    xStarts: number,
    xWeights: number,
    xTaps: number,
    yStarts: number,
    yWeights: number,
    yTaps: number,
    width: number,
    height: number,
    flip: number,
    ring: number,
    ringRows: number,
    target: number,
  ): void;
  normalizeRgbx(
    source: number,
    pixels: number,
    target: number,
    interleaved: number,
    ...scaleAndBias: readonly number[]
  ): void;
}

export type ImageKernels = Kernels<ImageKernelFunctions>;

/** This thread's image kernels, in the same memory as the other kernels; `undefined` if unsupported. */
export function imageKernels(): ImageKernels | undefined {
  const others = kernels();
  return others && oncePerThread(wasmBase64, () => others.memory);
}
