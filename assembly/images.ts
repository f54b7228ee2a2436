// The image kernels. Planar images have one byte per value, channel by channel; a plane is one channel. Kernels that work in
// vectors need at least 16 pixels, and memory in which 16 bytes beyond each array can be read. A target is never its source.
//
// `src/images/planar/` has the same computations in plain TypeScript. Where that code rounds once after a product and a sum, as
// PyTorch's fused operations do, kernels compute in f64 and round to f32.
export { blendGray, grayOfRgb, sumOfGray, turnHue } from './image-colors';
export { blurPlane, sharpenPlane } from './image-filters';
export { nearestOfGrid, pixelsOfPlanes, placesInMask, placesOfRow, samplesOfGrid } from './image-grids';
export {
  gatherElements,
  gatherPlane,
  grayOfRgbx,
  interleaveRgb,
  lookUpLevels,
  planesOfRgbx,
  rgbOfRgbx,
  rgbxOfPacked,
} from './image-layouts';
export {
  addScaled,
  countLevels,
  levelRange,
  mapLevels,
  mixFloats,
  scaleLevels,
  sumOfLevels,
  truncateLevels,
} from './image-levels';
export { normalizeRgbx, resizeRgbx } from './image-resampling';
export { resizeColumns, resizeRows } from './image-resizing';
