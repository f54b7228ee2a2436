import * as v from 'valibot';
import { integerFrom, parseOptions } from '../../core/options.js';
import { changeContrast, changeSaturation, grayOf, repeatChannel, turnHue } from '../planar/color-changes.js';
import {
  adjustGammaOf,
  brighten,
  equalizeHistogram,
  invertLevels,
  keepBits,
  solarizeFrom,
  stretchContrast,
} from '../planar/level-tables.js';
import { copyImage, planeOf } from '../planar/planar-image.js';
import { colors, type ImageTensor, imageArgument, imageTensor } from './image-argument.js';
import { finite, notNegative, refuse } from './parameters.js';

const brightness = v.strictObject({ brightnessFactor: notNegative });
const contrast = v.strictObject({ contrastFactor: notNegative });
const saturation = v.strictObject({ saturationFactor: notNegative });
const hue = v.strictObject({
  hueFactor: v.pipe(finite, v.minValue(-0.5, 'must be -0.5 or more'), v.maxValue(0.5, 'must be 0.5 or less')),
});
const gammaSchema = v.strictObject({ gamma: notNegative, gain: v.optional(finite, 1) });
const grayscale = v.strictObject({
  numOutputChannels: v.optional(v.picklist([1, 3], 'must be 1 or 3'), 1),
});
const bitsSchema = v.strictObject({ bits: v.pipe(integerFrom(0), v.maxValue(8, 'must be 8 or less')) });
const thresholdSchema = v.strictObject({
  threshold: v.pipe(finite, v.maxValue(255, 'must be 255 or less')),
});

/** Multiplies all values by a factor of 0 or more. 1 or 3 channels. @throws {@link ConfigError} */
export function adjustBrightness(
  image: ImageTensor,
  options: { readonly brightnessFactor: number },
): ImageTensor {
  const { brightnessFactor } = parseOptions('functional.adjustBrightness', brightness, options);
  return imageTensor(brighten(imageArgument('adjustBrightness', image, colors), brightnessFactor));
}

/** Blends with the mean gray of the image: 0 is gray, 1 the image. 1 or 3 channels. @throws {@link ConfigError} */
export function adjustContrast(
  image: ImageTensor,
  options: { readonly contrastFactor: number },
): ImageTensor {
  const { contrastFactor } = parseOptions('functional.adjustContrast', contrast, options);
  return imageTensor(changeContrast(imageArgument('adjustContrast', image, colors), contrastFactor));
}

/** Blends with the gray of each pixel: 0 is gray, 1 the image. 1 or 3 channels. @throws {@link ConfigError} */
export function adjustSaturation(
  image: ImageTensor,
  options: { readonly saturationFactor: number },
): ImageTensor {
  const { saturationFactor } = parseOptions('functional.adjustSaturation', saturation, options);
  return imageTensor(changeSaturation(imageArgument('adjustSaturation', image, colors), saturationFactor));
}

/** Rotates the hue by a fraction of the circle, from -0.5 to 0.5. 1 or 3 channels. @throws {@link ConfigError} */
export function adjustHue(image: ImageTensor, options: { readonly hueFactor: number }): ImageTensor {
  const { hueFactor } = parseOptions('functional.adjustHue', hue, options);
  return imageTensor(turnHue(imageArgument('adjustHue', image, colors), hueFactor));
}

/** `gain * value ** gamma`, on a scale from 0 to 1. @defaultValue `gain: 1` @throws {@link ConfigError} */
export function adjustGamma(
  image: ImageTensor,
  options: { readonly gamma: number; readonly gain?: number },
): ImageTensor {
  const { gamma, gain } = parseOptions('functional.adjustGamma', gammaSchema, options);
  return imageTensor(adjustGammaOf(imageArgument('adjustGamma', image), gamma, gain));
}

/** The gray of an image of 1 or 3 channels. @defaultValue `numOutputChannels: 1` @throws {@link ConfigError} */
export function rgbToGrayscale(
  image: ImageTensor,
  options: { readonly numOutputChannels?: 1 | 3 } = {},
): ImageTensor {
  const { numOutputChannels } = parseOptions('functional.rgbToGrayscale', grayscale, options);
  const planar = imageArgument('rgbToGrayscale', image, colors);
  const gray = planar.channels === 1 ? planar : grayOf(planar);
  return imageTensor(repeatChannel(gray, numOutputChannels));
}

/** Another name of {@link rgbToGrayscale}, as in torchvision. */
export const toGrayscale = rgbToGrayscale;

/** Repeats the channel of a gray image three times. An RGB image stays as it is. @throws {@link ConfigError} */
export function grayscaleToRgb(image: ImageTensor): ImageTensor {
  const planar = imageArgument('grayscaleToRgb', image);
  return imageTensor(planar.channels >= 3 ? copyImage(planar) : repeatChannel(planar, 3));
}

/** Keeps the highest `bits` of each value: 0 … 8. @throws {@link ConfigError} */
export function posterize(image: ImageTensor, options: { readonly bits: number }): ImageTensor {
  const { bits } = parseOptions('functional.posterize', bitsSchema, options);
  return imageTensor(keepBits(imageArgument('posterize', image), bits));
}

/** Inverts the values that are at least `threshold`. @throws {@link ConfigError} */
export function solarize(image: ImageTensor, options: { readonly threshold: number }): ImageTensor {
  const { threshold } = parseOptions('functional.solarize', thresholdSchema, options);
  return imageTensor(solarizeFrom(imageArgument('solarize', image), threshold));
}

/** Stretches each channel to the whole range of levels. 1 or 3 channels. @throws {@link ConfigError} */
export function autocontrast(image: ImageTensor): ImageTensor {
  return imageTensor(stretchContrast(imageArgument('autocontrast', image, colors)));
}

/** Makes the histogram of each channel flat. @throws {@link ConfigError} */
export function equalize(image: ImageTensor): ImageTensor {
  return imageTensor(equalizeHistogram(imageArgument('equalize', image)));
}

/** `255 - value`. @throws {@link ConfigError} */
export function invert(image: ImageTensor): ImageTensor {
  return imageTensor(invertLevels(imageArgument('invert', image)));
}

/** Reorders channels: channel `c` of the result is channel `permutation[c]`. @throws {@link ConfigError} */
export function permuteChannels(
  image: ImageTensor,
  options: { readonly permutation: readonly number[] },
): ImageTensor {
  const schema = v.strictObject({ permutation: v.array(integerFrom(0), 'must be a list of channels') });
  const { permutation } = parseOptions('functional.permuteChannels', schema, options);
  const planar = imageArgument('permuteChannels', image);
  const { channels, height, width } = planar;
  if (permutation.length !== channels || permutation.some((channel) => channel >= channels))
    refuse('permuteChannels', 'permutation', `must name ${channels} channels, from 0 to ${channels - 1}`);
  const data = new Uint8Array(planar.data.length);
  permutation.forEach((channel, c) => {
    data.set(planeOf(planar, channel), c * height * width);
  });
  return imageTensor({ ...planar, data });
}
