import { Buffer } from 'node:buffer';
import { makePngChunk, pngChunks, pngSignature } from './png-chunks.js';

/** Color types of PNG. */
const [gray, palette] = [0, 3];

/** A PNG whose gray levels are those of a mask, times `scale`. */
export interface GrayPng {
  readonly png: Uint8Array;
  /** What a decoder multiplies levels of fewer than 8 bits by. */
  readonly scale: number;
  /** Whether levels have 16 bits. */
  readonly isWide: boolean;
}

/**
 * Makes palette indices the gray levels of a PNG, so that any decoder gives them: the pixels stay compressed as they are. Everything
 * that may change levels, such as a color profile, is left out.
 *
 * @throws Error if the pixels have colors of their own, or the header is damaged.
 */
export function grayPng(bytes: Uint8Array): GrayPng {
  const kept: Uint8Array[] = [pngSignature(bytes)];
  let [bits, kind] = [0, -1];
  let isComplete = false;
  for (const { name, content, whole, isWhole } of pngChunks(bytes)) {
    if (!isWhole) break;
    if (name === 'IHDR' && content.length === 13) {
      [bits, kind] = [content[8]!, content[9]!];
      const header = Uint8Array.from(content);
      header[9] = gray;
      kept.push(makePngChunk(name, header));
    } else if (name === 'IDAT' || name === 'IEND') {
      kept.push(whole);
      isComplete = name === 'IEND';
    }
  }
  if (!isComplete) throw new Error('it ends too early');
  if (kind !== gray && kind !== palette)
    throw new Error(kind < 0 ? 'it has no header' : 'it has colors, not classes');
  return {
    png: Buffer.concat(kept),
    // Pillow gives levels of two and four bits on the scale of eight, and those of one bit as 0 and 1.
    scale: kind === palette || bits === 1 ? Math.max(1, Math.round(255 / (2 ** bits - 1))) : 1,
    isWide: bits === 16,
  };
}
