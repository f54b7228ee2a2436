import { importPeer } from '../core/peer.js';
import type { ImageWorkspace } from './image-workspace.js';
import { type RgbxImage, rgbxBytes } from './rgbx-image.js';

/** The part of sharp, an optional peer, that is used here. */
interface Sharp {
  (bytes: Uint8Array, options: { failOn: 'warning' }): SharpImage;
  cache(enabled: boolean): void;
  concurrency(threads: number): void;
}

interface SharpImage {
  removeAlpha(): SharpImage;
  toColourspace(space: 'srgb'): SharpImage;
  raw(): SharpImage;
  toBuffer(options: {
    resolveWithObject: true;
  }): Promise<{ data: Uint8Array; info: { width: number; height: number; channels: number } }>;
}

let loaded: Promise<Sharp> | undefined;

/** Pixels as sharp gives them: one or three bytes each. */
export interface PackedPixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/**
 * Decodes an image of any format that sharp knows, whole. An alpha channel is dropped, as by Pillow's `convert('RGB')`.
 *
 * @throws {@link MissingPeerError} without sharp; sharp's own error when the bytes are damaged.
 */
export async function decodeWithSharp(bytes: Uint8Array): Promise<PackedPixels> {
  loaded ??= loadSharp();
  const sharp = await loaded;
  const { data, info } = await sharp(bytes, { failOn: 'warning' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { ...info, data };
}

/** The pixels in the workspace, where the image holds until the next call. */
export function unpackPixels(
  { width, height, channels, data }: PackedPixels,
  workspace: ImageWorkspace,
): RgbxImage {
  const target = workspace.bytes('decoded', rgbxBytes(width, height));
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++)
      target[4 * i + channel] = data[i * channels + (channels < 3 ? 0 : channel)]!;
  }
  return { width, height, data: target };
}

async function loadSharp(): Promise<Sharp> {
  const { default: sharp } = await importPeer<{ default: Sharp }>(
    'sharp',
    'An image that is no baseline JPEG, or a machine without libjpeg-turbo,',
  );
  // Workers are the parallelism, and no image is decoded twice.
  sharp.cache(false);
  sharp.concurrency(1);
  return sharp;
}
