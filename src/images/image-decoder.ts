import { FormatError, MillraceError, MissingPeerError } from '../core/errors.js';
import type { MaybePromise } from '../core/maybe-promise.js';
import { messageOf } from '../core/thrown.js';
import { completePng } from './complete-png.js';
import { decodeBmp, isBmp } from './decode-bmp.js';
import { decodePnm, isPnm } from './decode-pnm.js';
import { type ImageWorkspace, imageWorkspace } from './image-workspace.js';
import { jpegFacts } from './jpeg-segments.js';
import { hasProfileOrExif, isWholeWebp, NativeWebp } from './native-webp.js';
import { onBackground, type PackedPixels } from './packed-pixels.js';
import type { PipelineSettings } from './pipeline-options.js';
import type { ChooseRegion, RegionDecoder } from './region-decoder.js';
import type { RgbxImage } from './rgbx-image.js';
import { decodeInTurn, decodeWithSharp, isPng } from './sharp-decoder.js';
import { TurboJpeg } from './turbo-jpeg.js';
import { unpackPixels } from './unpack-pixels.js';

/** The position of a decoded part in the image, which decoding shrinks by `shrink`. */
export interface DecodedPlace {
  readonly x: number;
  readonly y: number;
  readonly shrink: number;
}

const wholePlace: DecodedPlace = { x: 0, y: 0, shrink: 1 };

/**
 * Decodes image files: JPEGs by libjpeg-turbo and WebP by libwebp, if they are installed; BMP and PNM here, all else by sharp. Use one instance per
 * thread.
 */
export class ImageDecoder {
  readonly #settings: PipelineSettings;
  /** `null` before the first use. */
  #turbo: TurboJpeg | undefined | null = null;
  /** `null` before the first use. */
  #webp: NativeWebp | undefined | null = null;

  constructor(settings: PipelineSettings) {
    this.#settings = settings;
  }

  /** Memory for one image, whose pixels are valid until the next is decoded. */
  get workspace(): ImageWorkspace {
    return imageWorkspace();
  }

  /**
   * Decodes the part of an image that is needed, and passes it to `use` synchronously: after any wait, the workspace may hold the
   * next image.
   *
   * @param choose - May be called twice, with the same size.
   * @throws {@link FormatError} if the bytes are damaged or not an image.
   */
  decode<R>(
    bytes: Uint8Array,
    name: string,
    choose: ChooseRegion,
    use: (image: RgbxImage, place: DecodedPlace) => R,
  ): MaybePromise<R> {
    const isWhole = isJpeg(bytes) && hasEndMark(bytes);
    const fast = this.#regionDecoder(bytes, isWhole);
    let refusal: string | undefined = isJpeg(bytes) && !isWhole ? 'it has no end mark' : undefined;
    if (fast) {
      let shrink = 1;
      const decoded = fast.decode(
        bytes,
        (size) => {
          this.#checkSize(size.width, size.height, name);
          const region = choose(size);
          shrink = region.shrink;
          return region;
        },
        this.workspace,
      );
      if ('image' in decoded) return use(decoded.image, { x: decoded.x, y: decoded.y, shrink });
      if (isJpeg(bytes)) refusal = decoded.refused;
    }
    const useWhole = (pixels: PackedPixels): R => {
      const image = unpackPixels(pixels, this.workspace, this.#settings.channels === 4);
      choose(image);
      return use(image, wholePlace);
    };
    const checkSize = (width: number, height: number) => this.#checkSize(width, height, name);
    const { truncated, gray16 } = this.#settings;
    const accepts = truncated === 'accept';
    if (isBmp(bytes)) {
      const pixels = asDamage(name, () => decodeBmp(bytes, checkSize, accepts));
      return useWhole(onBackground(pixels, this.#settings.background));
    }
    if (isPnm(bytes))
      return useWhole(asDamage(name, () => decodePnm(bytes, checkSize, accepts, gray16 === 'clip')));
    const whole = accepts && isPng(bytes) ? asDamage(name, () => completePng(bytes, checkSize)) : bytes;
    // sharp decides on files that libjpeg-turbo refuses, so that both decoders read the same files.
    return decodeInTurn(async () => {
      const pixels = await decodeWithSharp(whole, this.#settings).catch((cause: Error) => {
        if (cause instanceof MissingPeerError && refusal !== undefined && refusal !== 'it is CMYK')
          throw damaged(name, refusal, cause);
        throw cause instanceof MillraceError ? cause : damaged(name, cause.message, cause);
      });
      return useWhole(pixels);
    });
  }

  #checkSize(width: number, height: number, name: string): void {
    if (width * height <= this.#settings.maxPixels) return;
    throw new FormatError(`The image has more pixels than ${this.#settings.maxPixels}`, {
      where: { file: name, width, height },
      next: 'Make it smaller, or pass a larger maxPixels if you trust the file.',
    });
  }

  /** Whether the options ask for what libjpeg-turbo does not do: turning a JPEG, or converting its colors. */
  #needsSharp(bytes: Uint8Array): boolean {
    const { orientation, profile } = this.#settings;
    if (orientation === 'stored' && profile === 'ignore') return false;
    const facts = jpegFacts(bytes);
    return (orientation === 'upright' && facts.orientation > 1) || (profile === 'srgb' && facts.hasProfile);
  }

  /** The decoder of parts for a file, if there is one. */
  #regionDecoder(bytes: Uint8Array, isWholeJpeg: boolean): RegionDecoder | undefined {
    if (this.#settings.decoder !== 'auto') return undefined;
    if (isWholeJpeg && !this.#needsSharp(bytes)) {
      if (this.#turbo === null) this.#turbo = TurboJpeg.open();
      return this.#turbo;
    }
    if (isWholeWebp(bytes) && !this.#needsSharpForWebp(bytes)) {
      if (this.#webp === null) this.#webp = NativeWebp.open();
      return this.#webp;
    }
    return undefined;
  }

  /** Whether the options ask for what libwebp does not do: turning, converting colors, or blending with a background. */
  #needsSharpForWebp(bytes: Uint8Array): boolean {
    const { orientation, profile, background } = this.#settings;
    if (background !== undefined) return true;
    return (orientation === 'upright' || profile === 'srgb') && hasProfileOrExif(bytes);
  }
}

/** Bytes at the end of a JPEG that are searched for its end marker. */
const mostStrayBytes = 256;

/**
 * Whether a JPEG has its end marker. libjpeg-turbo reads only as far as a crop needs: without this check, the position of the
 * crop would decide whether a truncated file is read or refused.
 */
function hasEndMark(bytes: Uint8Array): boolean {
  for (let at = bytes.length - 2; at >= Math.max(0, bytes.length - mostStrayBytes); at--)
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  return false;
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8;
}

/** Adds the file to a decoder's error. */
function asDamage<T>(name: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw cause instanceof MillraceError ? cause : damaged(name, messageOf(cause), cause);
  }
}

function damaged(name: string, reason: string, cause?: unknown): FormatError {
  return new FormatError(`The image cannot be decoded: ${reason}`, {
    where: { file: name },
    next: `Replace the file, or pass onError: 'skip' to leave such images out.`,
    cause,
  });
}
