import { deflateSync } from 'node:zlib';
import { isTensor } from '../../core/tensor.js';
import { makePngChunk } from '../../images/png-chunks.js';
import { drawAnnotations, imagesOf } from '../../images/show/show-sample.js';
import type { ShownPicture } from '../../images/show/shown-picture.js';

const pageSide = 256;
const mostPictures = 16;

/** The pictures that a field of a sample holds, with the mask and boxes of the fields beside it. Empty: none. */
export function picturesOf(
  value: unknown,
  beside: Readonly<Record<string, unknown>>,
  side = pageSide,
): ShownPicture[] {
  const pictures = imagesOf(value, side, mostPictures);
  if (pictures.length > 0 && isTensor(value)) drawAnnotations(pictures, value, beside);
  return pictures;
}

/** A picture as a PNG in a `data:` URL. */
export function pictureUrl({ width, height, rgb }: ShownPicture): string {
  const rows = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++)
    rows.set(rgb.subarray(3 * width * y, 3 * width * (y + 1)), y * (1 + 3 * width) + 1);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // 8 bits, RGB.
  head.set([8, 2], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const chunks = [
    makePngChunk('IHDR', head),
    makePngChunk('IDAT', deflateSync(rows)),
    makePngChunk('IEND', new Uint8Array()),
  ];
  return `data:image/png;base64,${Buffer.concat([signature, ...chunks]).toString('base64')}`;
}
