import { importPeer } from '../core/peer.js';
import type { PackedPixels } from './packed-pixels.js';

/** The part of sharp, an optional peer, that is used here. */
interface Sharp {
  (
    bytes: Uint8Array,
    options: { failOn: 'error'; ignoreIcc: true; limitInputPixels: number; autoOrient: boolean },
  ): SharpImage;
  cache(enabled: boolean): void;
  concurrency(threads: number): void;
}

interface SharpImage {
  metadata(): Promise<{ space?: string }>;
  removeAlpha(): SharpImage;
  pipelineColorspace(space: 'cmyk'): SharpImage;
  toColorspace(space: 'srgb' | 'cmyk'): SharpImage;
  raw(): SharpImage;
  toBuffer(options: {
    resolveWithObject: true;
  }): Promise<{ data: Uint8Array; info: { width: number; height: number; channels: number } }>;
}

let loaded: Promise<Sharp> | undefined;

/**
 * Decodes an image of any format that sharp knows, whole, with the choices of Pillow's `convert('RGB')`: what a decoder only warns
 * of is read; color profiles are not applied; alpha is dropped; CMYK stays CMYK, for {@link unpackPixels} to convert; the orientation
 * in the EXIF data turns TIFF, and nothing else.
 *
 * @param maxPixels - Larger images are an error, before memory is taken.
 * @throws {@link MissingPeerError} without sharp; sharp's own error when the bytes are damaged.
 */
export async function decodeWithSharp(bytes: Uint8Array, maxPixels: number): Promise<PackedPixels> {
  loaded ??= loadSharp();
  const sharp = await loaded;
  const mayBeCmyk = isTiff(bytes) || (bytes[0] === 0xff && bytes[1] === 0xd8);
  const image = sharp(bytes, {
    failOn: 'error',
    ignoreIcc: true,
    limitInputPixels: maxPixels,
    autoOrient: isTiff(bytes),
  });
  const isCmyk = mayBeCmyk && (await image.metadata()).space === 'cmyk';
  const pixels = isCmyk
    ? image.pipelineColorspace('cmyk').toColorspace('cmyk')
    : image.removeAlpha().toColorspace('srgb');
  const { data, info } = await pixels.raw().toBuffer({ resolveWithObject: true });
  return { ...info, data, isCmyk };
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
  // Workers are the parallelism, and no image is decoded twice.
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}
