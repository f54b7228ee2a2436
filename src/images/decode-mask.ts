import { FormatError, MillraceError } from '../core/errors.js';
import { type Tensor, tensor } from '../core/tensor.js';
import { messageOf } from '../core/thrown.js';
import { grayPng } from './gray-png.js';
import { decodeGrayPng, decodeInTurn, isPng } from './sharp-decoder.js';

/**
 * Decodes the PNG file of a mask: the palette index of each pixel, or its gray level, as numpy reads it with Pillow. A mask of one bit
 * has 0 and 1.
 *
 * @param name - Path of the mask, for messages.
 * @param maxPixels - More are an error, before memory is allocated.
 * @returns shape `[H, W]`; uint16 for gray of 16 bits.
 * @throws {@link FormatError} if the file is damaged, has colors but no palette, or is not a PNG.
 */
export async function decodeMask(
  bytes: Uint8Array,
  name: string,
  maxPixels: number,
): Promise<Tensor<'uint8' | 'uint16'>> {
  const where = { file: name };
  if (!isPng(bytes))
    throw new FormatError('A mask is not a PNG file', {
      where,
      next: 'Save masks as PNG, with a palette or in gray: other formats may change the classes.',
    });
  try {
    const { png, scale, isWide } = grayPng(bytes);
    const { data, width, height } = await decodeInTurn(() => decodeGrayPng(png, maxPixels, isWide));
    if (scale > 1) for (let i = 0; i < data.length; i++) data[i] = data[i]! / scale;
    return tensor(data, [height, width]);
  } catch (cause) {
    if (cause instanceof MillraceError) throw cause;
    throw new FormatError(`Cannot decode a mask: ${messageOf(cause)}`, {
      where,
      next: 'Save it again as PNG, with a palette or in gray.',
      cause,
    });
  }
}
