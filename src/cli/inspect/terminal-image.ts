import { importPeer } from '../../core/peer.js';

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
  const pixel = (x: number, y: number) =>
    Array.from(
      { length: 3 },
      (_, c) => data[(y * info.width + x) * info.channels + Math.min(c, info.channels - 1)],
    );
  const lines: string[] = [];
  for (let y = 0; y < info.height; y += 2) {
    let line = '';
    for (let x = 0; x < info.width; x++) {
      const below = y + 1 < info.height ? `\x1b[48;2;${pixel(x, y + 1).join(';')}m` : '';
      line += `\x1b[38;2;${pixel(x, y).join(';')}m${below}${halfBlock}\x1b[0m`;
    }
    lines.push(line);
  }
  return lines.join('\n');
}
