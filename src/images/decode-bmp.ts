import { mapEach } from '../core/map-each.js';
import type { PackedPixels } from './packed-pixels.js';

export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d;
}

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Offset of the pixels. */
  readonly offset: number;
  /** Offset of the palette, and bytes per color. */
  readonly palette: number;
  readonly entryBytes: number;
  readonly colors: number;
}

const uncompressed = 0;
const rle8 = 1;
const rle4 = 2;
const bitFields = 3;
const alphaBitFields = 6;

/**
 * Decodes BMP of Windows and OS/2: 1, 4, 8, 16, 24 and 32 bits, RLE, bit fields.
 *
 * @param checkSize - Called before memory for the pixels is allocated.
 * @param accepts - Whether rows may be missing: their pixels are 0, which is black or the first color of the palette.
 * @returns four channels if the file has alpha, otherwise three.
 * @throws Error with the reason.
 */
export function decodeBmp(
  bytes: Uint8Array,
  checkSize: (width: number, height: number) => void,
  accepts = false,
): PackedPixels {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = readHeader(view);
  const { width, height, bits, compression } = header;
  if (width < 1 || height < 1) throw new Error(`its size is ${width} × ${height}`);
  checkSize(width, height);
  const isRle = compression === rle8 || compression === rle4;
  const stride = Math.ceil((width * bits) / 32) * 4;
  const rowBytes = Math.ceil((width * bits) / 8);
  const stored = Math.floor((bytes.length - header.offset - rowBytes) / stride) + 1;
  if (!isRle && stored < height) {
    if (!accepts)
      throw new Error(`it ends too early: ${height - Math.max(0, stored)} of ${height} rows are missing`);
    const whole = new Uint8Array(header.offset + stride * height);
    whole.set(bytes.subarray(0, header.offset + stride * Math.max(0, stored)));
    return decodeBmp(whole, checkSize);
  }
  const data = new Uint8Array(3 * width * height);
  const row = (y: number): number => 3 * width * (header.isTopDown ? y : height - 1 - y);
  if (bits <= 8) {
    const indices = isRle ? unpackRle(bytes, header) : undefined;
    const colors = readPalette(bytes, header);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const at = header.offset + y * stride + ((x * bits) >> 3);
        const index = indices
          ? indices[y * width + x]!
          : (bytes[at]! >> (8 - bits - ((x * bits) & 7))) & ((1 << bits) - 1);
        data.set(colors.subarray(3 * index, 3 * index + 3), row(y) + 3 * x);
      }
  } else if (bits === 24 || (bits === 32 && compression === uncompressed)) {
    const step = bits / 8;
    for (let y = 0; y < height; y++)
      for (let x = 0, at = header.offset + y * stride, to = row(y); x < width; x++, at += step, to += 3) {
        data[to] = bytes[at + 2]!;
        data[to + 1] = bytes[at + 1]!;
        data[to + 2] = bytes[at]!;
      }
  } else {
    return decodeFields(view, header, stride);
  }
  return { width, height, channels: 3, data };
}

/** Pixels whose channels are bits of one number, with alpha if there is a mask for it. */
function decodeFields(view: DataView, header: BmpHeader, stride: number): PackedPixels {
  const { width, height, bits, offset, isTopDown } = header;
  const masks = readMasks(view, header);
  const fields = masks.map(channelOf);
  const channels = masks.length;
  const data = new Uint8Array(channels * width * height);
  for (let y = 0; y < height; y++) {
    const row = channels * width * (isTopDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) {
      const at = offset + y * stride + (x * bits) / 8;
      const pixel = bits === 16 ? view.getUint16(at, true) : view.getUint32(at, true);
      for (let c = 0; c < channels; c++) data[row + channels * x + c] = fields[c]!(pixel);
    }
  }
  return { width, height, channels, data };
}

function readHeader(view: DataView): BmpHeader {
  if (view.byteLength < 26) throw new Error('its header ends too early');
  const offset = view.getUint32(10, true);
  const size = view.getUint32(14, true);
  if (size !== 12 && (size < 40 || view.byteLength < 14 + size))
    throw new Error(`its header of ${size} bytes is of no known kind`);
  if (size === 12) {
    const [width, height, bits] = mapEach([18, 20, 24], (at) => view.getUint16(at, true));
    const colors = bits <= 8 ? 1 << bits : 0;
    return checked({
      width,
      height,
      isTopDown: false,
      bits,
      compression: 0,
      offset,
      palette: 26,
      entryBytes: 3,
      colors,
    });
  }
  const tall = view.getInt32(22, true);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const masks =
    size === 40 && compression === bitFields ? 12 : size === 40 && compression === alphaBitFields ? 16 : 0;
  return checked({
    width: view.getInt32(18, true),
    height: Math.abs(tall),
    isTopDown: tall < 0,
    bits,
    compression,
    offset,
    palette: 14 + size + masks,
    entryBytes: 4,
    colors: view.getUint32(46, true) || (bits <= 8 ? 1 << bits : 0),
  });
}

/** Refuses unsupported files: combinations that Windows does not write, and embedded JPEG or PNG. */
function checked(header: BmpHeader): BmpHeader {
  const { bits, compression, isTopDown } = header;
  const isKnown =
    (compression === uncompressed && [1, 4, 8, 16, 24, 32].includes(bits)) ||
    (compression === rle8 && bits === 8 && !isTopDown) ||
    (compression === rle4 && bits === 4 && !isTopDown) ||
    ((compression === bitFields || compression === alphaBitFields) && (bits === 16 || bits === 32));
  if (isKnown) return header;
  throw new Error(`BMP with ${bits} bits and the compression ${compression} is not decoded`);
}

/** RGB by index; black for indices without a color. */
function readPalette(bytes: Uint8Array, { palette, entryBytes, colors, bits }: BmpHeader): Uint8Array {
  const table = new Uint8Array(3 * (1 << bits));
  for (let k = 0; k < Math.min(colors, 1 << bits); k++) {
    const at = palette + k * entryBytes;
    for (let c = 0; c < 3; c++) table[3 * k + c] = bytes[at + 2 - c] ?? 0;
  }
  return table;
}

function readMasks(view: DataView, { bits, compression }: BmpHeader): readonly number[] {
  if (compression === uncompressed) return bits === 16 ? [0x7c00, 0x3e0, 0x1f] : [0xff0000, 0xff00, 0xff];
  if (view.byteLength < 66) throw new Error('its bit masks end too early');
  const masks = [54, 58, 62].map((at) => view.getUint32(at, true));
  const hasAlpha = bits === 32 && (view.getUint32(14, true) >= 56 || compression === alphaBitFields);
  const alpha = hasAlpha && view.byteLength >= 70 ? view.getUint32(66, true) : 0;
  return alpha === 0 ? masks : [...masks, alpha];
}

/** Extracts a channel of a pixel as 8 bits. */
function channelOf(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return (pixel) => Math.floor((((pixel & mask) >>> shift) * 255) / most);
}

/** Decodes RLE to color indices, bottom row first. Skipped pixels have index 0. */
function unpackRle(bytes: Uint8Array, { width, height, offset, compression }: BmpHeader): Uint8Array {
  const isNibbles = compression === rle4;
  const indices = new Uint8Array(width * height);
  let at = offset;
  let x = 0;
  let y = 0;
  const put = (index: number): void => {
    if (x < width && y < height) indices[y * width + x] = index;
    x++;
  };
  while (y < height) {
    if (at + 1 >= bytes.length) throw new Error('it ends too early: its runs have no end');
    const count = bytes[at]!;
    const value = bytes[at + 1]!;
    at += 2;
    if (count > 0) {
      for (let k = 0; k < count; k++) put(isNibbles ? (k % 2 === 0 ? value >> 4 : value & 15) : value);
    } else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) break;
    else if (value === 2) {
      if (at + 1 >= bytes.length) throw new Error('it ends too early: its runs have no end');
      x += bytes[at]!;
      y += bytes[at + 1]!;
      at += 2;
    } else {
      const length = isNibbles ? Math.ceil(value / 2) : value;
      if (at + length > bytes.length) throw new Error('it ends too early: its runs have no end');
      for (let k = 0; k < value; k++) {
        const byte = bytes[at + (isNibbles ? k >> 1 : k)]!;
        put(isNibbles ? (k % 2 === 0 ? byte >> 4 : byte & 15) : byte);
      }
      at += length + (length % 2);
    }
  }
  return indices;
}
