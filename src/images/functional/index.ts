/**
 * torchvision's operations on uint8 images of the shape `[C, H, W]`, with its names and parameters in camelCase and its results
 * on uint8 tensors: the same values for changes of single pixels and for crops, within one level of 255 for the rest. They
 * do not change their arguments; results have their own memory.
 *
 * @packageDocumentation
 */
export {
  adjustBrightness,
  adjustContrast,
  adjustGamma,
  adjustHue,
  adjustSaturation,
  autocontrast,
  equalize,
  grayscaleToRgb,
  invert,
  permuteChannels,
  posterize,
  rgbToGrayscale,
  solarize,
  toGrayscale,
} from './color.js';
export {
  centerCrop,
  crop,
  erase,
  fiveCrop,
  hflip,
  horizontalFlip,
  pad,
  tenCrop,
  verticalFlip,
  vflip,
} from './crop.js';
export { adjustSharpness, gaussianBlur, normalize } from './filter.js';
export { affine, perspective, resize, resizedCrop, rotate } from './geometry.js';
