import type { SampleRandom } from '../../core/dataset.js';
import { ConfigError } from '../../core/errors.js';
import type { ColorStep } from '../augment/pixel-steps.js';
import type { StepOf } from '../image-transform.js';
import { changeContrast, changeSaturation, grayOf, repeatChannel, turnHue } from '../planar/color-changes.js';
import { blur, changeSharpness } from '../planar/filters.js';
import {
  brighten,
  equalizeHistogram,
  invertLevels,
  keepBits,
  solarizeFrom,
  stretchContrast,
} from '../planar/level-tables.js';
import type { PlanarImage } from '../planar/planar-image.js';

/** Applies a step that changes pixels and leaves them where they are, with the sample's random numbers. */
export function applyColorStep(
  image: PlanarImage,
  step: ColorStep | StepOf<'colorJitter'>,
  rng: SampleRandom,
): PlanarImage {
  if (step.type === 'colorJitter') return jitterColors(image, step, rng);
  if (!rng.boolean(step.probability)) return image;
  switch (step.type) {
    case 'randomGrayscale':
      return image.channels === 1 ? image : repeatChannel(grayOf(image), 3);
    case 'gaussianBlur': {
      const deviation = uniform(step.sigma, rng);
      const { kernelSize } = step;
      if (kernelSize >> 1 >= Math.min(image.height, image.width)) {
        const message = `half of ${kernelSize} must be smaller than the image of ${image.height} × ${image.width}`;
        throw new ConfigError('augment.gaussianBlur', [{ field: 'kernelSize', message }]);
      }
      return blur(image, { kernelSize: [kernelSize, kernelSize], sigma: [deviation, deviation] });
    }
    case 'randomInvert':
      return invertLevels(image);
    case 'randomPosterize':
      return keepBits(image, step.bits);
    case 'randomSolarize':
      return solarizeFrom(image, step.threshold);
    case 'randomAdjustSharpness':
      return changeSharpness(image, step.sharpnessFactor);
    case 'randomAutocontrast':
      return stretchContrast(image);
    case 'randomEqualize':
      return equalizeHistogram(image);
  }
}

/** Changes brightness, contrast, saturation and hue in a random order. */
function jitterColors(image: PlanarImage, jitter: StepOf<'colorJitter'>, rng: SampleRandom): PlanarImage {
  const { brightness, contrast, saturation, hue } = jitter;
  const around = (strength: number) => uniform([Math.max(0, 1 - strength), 1 + strength], rng);
  const factors = [
    around(brightness),
    around(contrast),
    around(saturation),
    uniform([-hue, hue], rng),
  ] as const;
  const changes: ((from: PlanarImage) => PlanarImage)[] = [];
  if (brightness > 0) changes.push((from) => brighten(from, factors[0]));
  if (contrast > 0) changes.push((from) => changeContrast(from, factors[1]));
  if (saturation > 0) changes.push((from) => changeSaturation(from, factors[2]));
  if (hue > 0) changes.push((from) => turnHue(from, factors[3]));
  let changed = image;
  for (let left = changes.length; left > 0; left--)
    changed = changes.splice(rng.integer(0, left), 1)[0]!(changed);
  return changed;
}

function uniform([low, high]: readonly [number, number], rng: SampleRandom): number {
  return low + rng.float() * (high - low);
}
