import { importPeer } from '../core/peer.js';
import type { PackedPixels } from './packed-pixels.js';

/** The part of sharp, an optional peer, that Millrace uses. */
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
 * Decodes a whole image of any format that sharp supports, with the choices of Pillow's `convert('RGB')`: files that a decoder
 * only warns about are read; color profiles are ignored; alpha is dropped; CMYK stays CMYK, for {@link unpackPixels} to
 * convert; EXIF orientation rotates TIFF only.
 *
 * @param maxPixels - Larger images are an error, before memory is allocated.
 * @throws {@link MissingPeerError} without sharp; sharp's error if the bytes are damaged.
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
  // Workers provide the parallelism, and no image is decoded twice.
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}
