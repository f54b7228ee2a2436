import type { ImagePipelineOptions } from '../../images/image-pipeline.js';
import type { ImageTransform } from '../../images/index.js';

/** What workers need to make the same pictures. */
export interface PictureSettings {
  readonly steps: readonly ImageTransform[];
  readonly options: ImagePipelineOptions;
}
