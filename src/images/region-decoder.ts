import type { Box } from './geometry/move.js';
import type { ImageWorkspace } from './image-workspace.js';
import type { RgbxImage } from './rgbx-image.js';

/** The part of an image to decode, chosen when its size is known. */
export type ChooseRegion = (size: { readonly width: number; readonly height: number }) => DecodeRegion;

export interface DecodeRegion {
  /** Needed pixels of the whole image. */
  readonly needed: Box;
  /** Shrink factor of the decoder, 1, 2, 4 or 8: faster, and antialiased. */
  readonly shrink: number;
}

/** A decoded part, and its position in the shrunk whole image. */
export interface DecodedRegion {
  readonly image: RgbxImage;
  readonly x: number;
  readonly y: number;
}

/** Reason why an image is not decoded here: the library warns or fails, or does not convert its kind to RGB. */
export interface DecoderRefusal {
  readonly refused: string;
}

/** Decodes only the needed part of an image, at the needed size. */
export interface RegionDecoder {
  /**
   * Decodes into the workspace; the image is valid until the next call.
   *
   * @returns the reason if the library fails or warns: other decoders may succeed.
   * @throws what `choose` throws.
   */
  decode(bytes: Uint8Array, choose: ChooseRegion, workspace: ImageWorkspace): DecodedRegion | DecoderRefusal;
}
