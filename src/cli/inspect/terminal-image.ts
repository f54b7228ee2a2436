import { importPeer } from '../../core/peer.js';
import type { ShownPicture } from '../../images/show/shown-picture.js';

/** One character that shows two pixels, one above the other. */
const halfBlock = '▀';

/**
 * Renders a thumbnail, two pixels per character, for terminals with 24-bit colors. Needs `sharp`.
 *
 * @throws {@link MissingPeerError} without sharp, and the errors of sharp for a damaged image.
 */
export async function terminalImage(bytes: Uint8Array, columns: number): Promise<string> {
  const { default: sharp } = await importPeer<typeof import('sharp')>('sharp', 'showing images');
  const { data, info } = await sharp(bytes)
    .resize(columns, columns, { fit: 'inside' })
    .flatten({ background: '#808080' })
    .toColorspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return blocksOf(
    info,
    (x, y, c) => data[(y * info.width + x) * info.channels + Math.min(c, info.channels - 1)]!,
  );
}

/** Renders a picture, two pixels per character, for terminals with 24-bit colors. */
export function terminalPicture(picture: ShownPicture): string {
  return blocksOf(picture, (x, y, c) => picture.rgb[3 * (y * picture.width + x) + c]!);
}

/** Whether the terminal shows 24-bit colors. */
export function showsPictures(): boolean {
  return (
    process.stdout.isTTY && /^(truecolor|24bit)$/.test(process.env.COLORTERM ?? '') && !process.env.NO_COLOR
  );
}

function blocksOf(
  { width, height }: { readonly width: number; readonly height: number },
  level: (x: number, y: number, channel: number) => number,
): string {
  const pixel = (x: number, y: number) => [0, 1, 2].map((c) => level(x, y, c));
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = '';
    for (let x = 0; x < width; x++) {
      const below = y + 1 < height ? `\x1b[48;2;${pixel(x, y + 1).join(';')}m` : '';
      line += `\x1b[38;2;${pixel(x, y).join(';')}m${below}${halfBlock}\x1b[0m`;
    }
    lines.push(line);
  }
  return lines.join('\n');
}
