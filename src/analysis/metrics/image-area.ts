import { eachSample, type Metric } from './metric.js';
import { pixelsOf } from './sample-parts.js';

/** Number of pixels of an image, height times width. Ascending order is that of progressive resizing. */
export const imageArea: Metric = {
  name: 'imagearea',
  description: 'height times width',
  unit: 'pixels',
  batchSize: 8,
  measure: eachSample((sample, index) => {
    const { height, width } = pixelsOf(sample, index);
    return height * width;
  }),
};
