/**
 * Steps of an {@link ImagePipeline} beyond the usual ones, under the names of torchvision's transforms. Parameters, ranges,
 * rounding and pixels are those of `torchvision.transforms.v2` on uint8 tensors; random numbers come from `context.rng`.
 *
 * @packageDocumentation
 */
export { afterNormalize } from './after-normalize.js';
export { fiveCrop, tenCrop } from './crops-step.js';
export { randomErasing } from './erasing-step.js';
export {
  pad,
  randomAffine,
  randomCrop,
  randomPerspective,
  randomRotation,
  randomVerticalFlip,
} from './geometry-steps.js';
export {
  gaussianBlur,
  randomAdjustSharpness,
  randomAutocontrast,
  randomEqualize,
  randomGrayscale,
  randomInvert,
  randomPosterize,
  randomSolarize,
} from './pixel-steps.js';
export { augMix, autoAugment, randAugment, trivialAugmentWide } from './policy-steps.js';
