export {
  type ImageDType,
  ImagePipeline,
  type ImagePipelineOptions,
} from './image-pipeline.js';
export {
  type ColorJitterOptions,
  centerCrop,
  colorJitter,
  type ImageSize,
  type ImageTransform,
  imageNetStatistics,
  type NormalizeOptions,
  normalize,
  type RandomResizedCropOptions,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
} from './image-transform.js';
export type { ImageLayout } from './normalize-pixels.js';
