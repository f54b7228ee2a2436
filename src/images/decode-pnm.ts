import type { PackedPixels } from './packed-pixels.js';

const space = /[\s\0]/;

export function isPnm(bytes: Uint8Array): boolean {
  return (
    bytes[0] === 0x50 &&
    bytes[1]! >= 0x31 &&
    bytes[1]! <= 0x36 &&
    space.test(String.fromCharCode(bytes[2] ?? 65))
  );
}

/**
 * Decodes PBM, PGM and PPM, text or binary. Values are scaled to 8 bits as in Pillow, 16-bit gray too, which Pillow clips at
 * 255 (`clips`).
 *
 * @param checkSize - Called before memory for the pixels is allocated.
 * @param accepts - Whether rows of a binary file may be missing: they are black.
 * @throws Error with the reason.
 */
export function decodePnm(
  bytes: Uint8Array,
  checkSize: (width: number, height: number) => void,
  accepts = false,
  clips = false,
): PackedPixels {
  const kind = bytes[1]! - 0x30;
  const reader = new TokenReader(bytes, 2);
  const width = reader.number();
  const height = reader.number();
  const max = kind === 1 || kind === 4 ? 1 : reader.number();
  if (width === 0 || height === 0) throw new Error('its size is 0');
  if (max === 0 || max > 65_535) throw new Error(`its largest value is ${max}`);
  checkSize(width, height);
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const size = width * height * channels;
  const isText = kind < 4;
  // In text, a value takes at least one digit.
  const least = isText ? size : kind === 4 ? height * Math.ceil(width / 8) : size * (max > 255 ? 2 : 1);
  if (reader.left < least && accepts && !isText) {
    const rowBytes = least / height;
    const whole = new Uint8Array(reader.at + least);
    // A bit of PBM is ink.
    if (kind === 4) whole.fill(255, reader.at);
    whole.set(bytes.subarray(0, reader.at + rowBytes * Math.floor(reader.left / rowBytes)));
    return decodePnm(whole, checkSize, false, clips);
  }
  if (reader.left < least) throw new Error(`it ends too early: ${reader.left} of ${least} bytes of pixels`);
  const isClipped = clips && channels === 1 && max > 255;
  const levels = Uint8Array.from({ length: max + 1 }, (_, value) =>
    isClipped ? Math.min(255, halfToEven((value / max) * 65_535)) : halfToEven((value / max) * 255),
  );
  const level = (value: number): number => levels[Math.min(value, max)]!;
  const data = new Uint8Array(size);
  if (kind === 1) for (let i = 0; i < size; i++) data[i] = reader.bit() ? 0 : 255;
  else if (isText) for (let i = 0; i < size; i++) data[i] = level(reader.number());
  else if (kind === 4) unpackBits(bytes.subarray(reader.at), width, height, data);
  else {
    const at = reader.at;
    if (max > 255)
      for (let i = 0; i < size; i++) data[i] = level(bytes[at + 2 * i]! * 256 + bytes[at + 2 * i + 1]!);
    else if (max === 255) data.set(bytes.subarray(at, at + size));
    else for (let i = 0; i < size; i++) data[i] = level(bytes[at + i]!);
  }
  return { width, height, channels, data };
}

function unpackBits(bits: Uint8Array, width: number, height: number, target: Uint8Array): void {
  const stride = Math.ceil(width / 8);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      target[y * width + x] = (bits[y * stride + (x >> 3)]! >> (7 - (x & 7))) & 1 ? 0 : 255;
}

/** Rounds as Python does. */
function halfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Reads numbers separated by white space and comments. */
class TokenReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Offset of the pixels. One white space character separates them from the last number of the header. */
  get at(): number {
    return this.#at + 1;
  }

  get left(): number {
    return Math.max(0, this.#bytes.length - this.at);
  }

  number(): number {
    this.#skip();
    let value = 0;
    const start = this.#at;
    for (let digit = this.#digit(); digit >= 0 && digit <= 9; digit = this.#digit()) {
      value = 10 * value + digit;
      this.#at++;
      if (value > 2 ** 31) throw new Error('a number is too large');
    }
    if (this.#at === start) throw new Error(`no number at the byte ${start}`);
    return value;
  }

  /** Plain PBM may omit white space between bits. */
  bit(): boolean {
    this.#skip();
    const digit = this.#digit();
    if (digit !== 0 && digit !== 1) throw new Error(`no bit at the byte ${this.#at}`);
    this.#at++;
    return digit === 1;
  }

  #digit(): number {
    return (this.#bytes[this.#at] ?? 0) - 0x30;
  }

  #skip(): void {
    for (; this.#at < this.#bytes.length; this.#at++) {
      if (this.#bytes[this.#at] === 0x23)
        while (this.#at < this.#bytes.length && this.#bytes[this.#at] !== 10) this.#at++;
      else if (!isSpace(this.#bytes[this.#at]!)) return;
    }
  }
}

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13);
}
