import { mapEach } from '../core/map-each.js';
import type { Box } from './geometry/move.js';
import type { ImageWorkspace } from './image-workspace.js';
import { declareCalls } from './native-library.js';
import type { ChooseRegion, DecodedRegion, DecoderRefusal, RegionDecoder } from './region-decoder.js';
import { rgbxBytes } from './rgbx-image.js';

interface WebpCalls {
  features(bytes: Uint8Array, length: number, features: Uint8Array, version: number): number;
  initialize(config: Uint8Array, version: number): number;
  decode(bytes: Uint8Array, length: number, config: Uint8Array): number;
  addressOf(array: Uint8Array): bigint;
}

// Layout of libwebp's `WebPDecoderConfig` on 64-bit systems, in bytes. The library refuses another version of it.
const interfaceVersion = 0x0209;
const configBytes = 512;
const output = 40;
const [colorspace, isExternal, pixelsAt, pitchAt, lengthAt] = mapEach(
  [0, 12, 16, 24, 32],
  (at) => output + at,
);
const options = 160;
const crop = options + 8;
const scaling = options + 28;
const rgba = 1;

/** Chroma is interpolated from neighbors, so that pixels at the edge of a part differ from those of the whole. */
const margin = 2;

/** Decodes WebP with libwebp: only the needed part, at the needed size. Use one instance per thread. */
export class NativeWebp implements RegionDecoder {
  readonly #calls: WebpCalls;
  readonly #config = new Uint8Array(configBytes);

  private constructor(calls: WebpCalls) {
    this.#calls = calls;
  }

  /** The decoder; `undefined` if koffi or the library is missing. */
  static open(): NativeWebp | undefined {
    if (found === undefined) found = findWebpCalls();
    return found ? new NativeWebp(found) : undefined;
  }

  decode(bytes: Uint8Array, choose: ChooseRegion, workspace: ImageWorkspace): DecodedRegion | DecoderRefusal {
    const calls = this.#calls;
    const config = this.#config;
    const view = new DataView(config.buffer);
    if (calls.initialize(config, interfaceVersion) === 0) return { refused: 'libwebp has another interface' };
    if (calls.features(bytes, bytes.length, config, interfaceVersion) !== 0)
      return { refused: 'libwebp cannot read its header' };
    if (view.getInt32(12, true) !== 0) return { refused: 'it is animated' };
    const size = { width: view.getInt32(0, true), height: view.getInt32(4, true) };
    const { needed, shrink } = choose(size);
    const region = regionOf(needed, shrink, size);
    const width = Math.ceil(region.width / shrink);
    const height = Math.ceil(region.height / shrink);
    // What is left at the edges after shrinking is less than a pixel: it becomes like its neighbor.
    const inner = {
      width: Math.max(1, Math.floor(region.width / shrink)),
      height: Math.max(1, Math.floor(region.height / shrink)),
    };
    const data = workspace.bytes('decoded', rgbxBytes(width, height));
    const put = (at: number, ...values: number[]) => {
      for (const [k, value] of values.entries()) view.setInt32(at + 4 * k, value, true);
    };
    put(colorspace, rgba);
    put(isExternal, 1);
    view.setBigUint64(pixelsAt, calls.addressOf(data), true);
    put(pitchAt, 4 * width);
    view.setBigUint64(lengthAt, BigInt(4 * width * height), true);
    const shown = (length: number, pixels: number) => Math.min(length, pixels * shrink);
    put(crop, 1, region.x, region.y, shown(region.width, inner.width), shown(region.height, inner.height));
    if (shrink > 1) put(scaling, 1, inner.width, inner.height);
    if (calls.decode(bytes, bytes.length, config) !== 0) return { refused: 'libwebp cannot read it' };
    repeatEdges(data, width, height, inner);
    return { image: { width, height, data }, x: region.x / shrink, y: region.y / shrink };
  }
}

/** Repeats the last column and row of the inner part of an image, if the image is one pixel larger. */
function repeatEdges(
  data: Uint8Array,
  width: number,
  height: number,
  inner: { readonly width: number; readonly height: number },
): void {
  if (inner.width < width)
    for (let y = 0; y < inner.height; y++) {
      const end = 4 * (y * width + inner.width);
      data.copyWithin(end, end - 4, end);
    }
  if (inner.height < height)
    data.copyWithin(4 * width * inner.height, 4 * width * (inner.height - 1), 4 * width * inner.height);
}

/**
 * The region to decode, in pixels before shrinking. It starts at a multiple of the shrink factor, and at an even place, because chroma
 * has half the resolution.
 */
function regionOf(
  needed: Box,
  shrink: number,
  whole: { readonly width: number; readonly height: number },
): Box {
  const step = 2 * shrink;
  const around = margin * shrink;
  const x = step * Math.max(0, Math.floor((needed.x - around) / step));
  const y = step * Math.max(0, Math.floor((needed.y - around) / step));
  const right = Math.min(whole.width, Math.ceil(needed.x + needed.width) + around);
  const bottom = Math.min(whole.height, Math.ceil(needed.y + needed.height) + around);
  return { x, y, width: right - x, height: bottom - y };
}

/** Whether a file is WebP, and consists of whole chunks alone: libwebp reads further than other decoders where it is damaged. */
export function isWholeWebp(bytes: Uint8Array): boolean {
  const text = (from: number) => String.fromCharCode(...bytes.subarray(from, from + 4));
  if (bytes.length < 20 || text(0) !== 'RIFF' || text(8) !== 'WEBP') return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(4, true) + 8 !== bytes.length) return false;
  let at = 12;
  while (at + 8 <= bytes.length) {
    const length = view.getUint32(at + 4, true);
    at += 8 + length + (length % 2);
  }
  return at === bytes.length;
}

/** Whether a WebP file says that it has a color profile or EXIF data. */
export function hasProfileOrExif(bytes: Uint8Array): boolean {
  const isExtended = String.fromCharCode(...bytes.subarray(12, 16)) === 'VP8X';
  return isExtended && (bytes[20]! & 0x28) !== 0;
}

let found: WebpCalls | null | undefined;

function findWebpCalls(): WebpCalls | null {
  // Other platforms have other layouts.
  if (!['x64', 'arm64'].includes(process.arch)) return null;
  const paths = ['libwebp.so.7', 'libwebp.dylib', '/opt/homebrew/opt/webp/lib/libwebp.dylib', 'libwebp.dll'];
  return declareCalls(
    () => paths,
    (library, koffi) => {
      const call = (definition: string) => library.func(definition) as never;
      const of = 'const void *bytes, size_t length';
      return {
        features: call(`int WebPGetFeaturesInternal(${of}, void *features, int version)`),
        initialize: call('int WebPInitDecoderConfigInternal(void *config, int version)'),
        decode: call(`int WebPDecode(${of}, void *config)`),
        addressOf: (array) => koffi.address(array),
      };
    },
  );
}
