export * as augment from './augment/index.js';
export * as functional from './functional/index.js';
export type { ImageSample } from './geometry/annotated-sample.js';
export { ImagePipeline } from './image-pipeline.js';
export {
  centerCrop,
  colorJitter,
  type ImageTransform,
  imageNetStatistics,
  normalize,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
} from './image-transform.js';
export { cutMix, mixUp } from './mix-collate.js';
