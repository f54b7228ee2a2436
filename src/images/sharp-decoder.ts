import pLimit from 'p-limit';
import { importPeer } from '../core/peer.js';
import type { PackedPixels } from './packed-pixels.js';
import type { PipelineSettings } from './pipeline-options.js';

/** The part of sharp, an optional peer, that Millrace uses. */
interface Sharp {
  (
    bytes: Uint8Array,
    options: {
      readonly failOn: 'error' | 'none';
      readonly ignoreIcc: boolean;
      readonly limitInputPixels: number;
      readonly autoOrient: boolean;
    },
  ): SharpImage;
  cache(enabled: boolean): void;
  concurrency(threads: number): void;
}

interface SharpImage {
  metadata(): Promise<{ space?: string; hasProfile?: boolean; depth?: string }>;
  removeAlpha(): SharpImage;
  ensureAlpha(): SharpImage;
  flatten(options: { background: { r: number; g: number; b: number } }): SharpImage;
  pipelineColorspace(space: 'cmyk'): SharpImage;
  toColorspace(space: 'srgb' | 'cmyk' | 'b-w' | 'grey16'): SharpImage;
  raw(options?: { depth: 'ushort' }): SharpImage;
  toBuffer(options: {
    resolveWithObject: true;
  }): Promise<{ data: Uint8Array; info: { width: number; height: number; channels: number } }>;
}

let loaded: Promise<Sharp> | undefined;

/**
 * Runs a function when sharp has room: at most four images are decoded concurrently in this thread, whatever the batch size and the number
 * of datasets. It has four threads, and each image takes memory.
 */
export const decodeInTurn = pLimit(4);

/**
 * Decodes a whole image of any format that sharp supports, with the choices of Pillow's `convert('RGB')` unless the options say
 * otherwise: files that a decoder only warns about are read; color profiles are ignored; alpha is dropped; CMYK stays CMYK,
 * for {@link unpackPixels} to convert; EXIF orientation turns TIFF only.
 *
 * @returns four channels with `channels: 4`.
 * @throws {@link MissingPeerError} without sharp; sharp's error if the bytes are damaged or have more than `maxPixels`.
 */
export async function decodeWithSharp(bytes: Uint8Array, settings: PipelineSettings): Promise<PackedPixels> {
  loaded ??= loadSharp();
  const sharp = await loaded;
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  const { truncated, orientation, profile, gray16, background, channels } = settings;
  const isCompleted = truncated === 'accept' && (isJpeg || isPng(bytes));
  const image = sharp(bytes, {
    failOn: isCompleted ? 'none' : 'error',
    ignoreIcc: profile === 'ignore',
    limitInputPixels: settings.maxPixels,
    autoOrient: orientation === 'upright' || isTiff(bytes),
  });
  const needsFacts = isTiff(bytes) || isJpeg || gray16 === 'clip';
  const { space, hasProfile, depth } = needsFacts ? await image.metadata() : {};
  if (space === 'cmyk' && !(profile === 'srgb' && hasProfile))
    return pixelsOf(image.pipelineColorspace('cmyk').toColorspace('cmyk').raw(), true);
  if (gray16 === 'clip' && space === 'grey16' && depth === 'ushort') return clippedGray(image);
  if (channels === 4) return pixelsOf(image.ensureAlpha().toColorspace('srgb').raw());
  let flat = image;
  if (background) {
    const [r, g, b] = background;
    flat = image.flatten({ background: { r, g, b } });
  }
  return pixelsOf(flat.removeAlpha().toColorspace('srgb').raw());
}

async function pixelsOf(image: SharpImage, isCmyk = false): Promise<PackedPixels> {
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { ...info, data, isCmyk };
}

/** Gray of 16 bits, cut off at 255. */
async function clippedGray(image: SharpImage): Promise<PackedPixels> {
  const wide = image.removeAlpha().toColorspace('grey16').raw({ depth: 'ushort' });
  const { data, info } = await wide.toBuffer({ resolveWithObject: true });
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const gray = new Uint8Array(info.width * info.height);
  for (let i = 0; i < gray.length; i++) gray[i] = Math.min(255, view.getUint16(2 * info.channels * i, true));
  return { width: info.width, height: info.height, channels: 1, data: gray };
}

/** Decodes a gray PNG, without changing its levels. @throws sharp's error */
export async function decodeGrayPng(
  bytes: Uint8Array,
  maxPixels: number,
  isWide: boolean,
): Promise<{ readonly data: Uint8Array | Uint16Array; readonly width: number; readonly height: number }> {
  loaded ??= loadSharp();
  const sharp = await loaded;
  const image = sharp(bytes, {
    failOn: 'error',
    ignoreIcc: true,
    limitInputPixels: maxPixels,
    autoOrient: false,
  });
  const raw = isWide
    ? image.toColorspace('grey16').raw({ depth: 'ushort' })
    : image.toColorspace('b-w').raw();
  const { data, info } = await raw.toBuffer({ resolveWithObject: true });
  if (info.channels !== 1) throw new Error(`it has ${info.channels} channels`);
  // A copy of its own memory: sharp's buffer may start at an odd byte.
  const own = Uint8Array.from(data);
  return { ...info, data: isWide ? new Uint16Array(own.buffer) : own };
}

export function isPng(bytes: Uint8Array): boolean {
  return bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4e && bytes[3] === 0x47;
}

function isTiff(bytes: Uint8Array): boolean {
  const mark = String.fromCharCode(...bytes.subarray(0, 4));
  return (
    mark.startsWith('II*') || mark.startsWith('MM\0*') || mark.startsWith('II+') || mark.startsWith('MM\0+')
  );
}

async function loadSharp(): Promise<Sharp> {
  const { default: sharp } = await importPeer<{ default: Sharp }>(
    'sharp',
    'An image that libjpeg-turbo does not decode, or a machine without it,',
  );
  // Workers provide the parallelism, and no image is decoded twice.
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}
