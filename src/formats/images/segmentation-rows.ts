import { ConfigError, FormatError } from '../../core/errors.js';
import type { JsonObject } from '../../core/json.js';
import type { StorageOptions } from '../../storage/storage-options.js';
import type { FileRows } from '../file-dataset.js';
import { ImageRows, type ImageRowsRecipe } from './image-rows.js';

/** What a worker needs to read the same pairs. */
export interface SegmentationRowsRecipe {
  readonly images: ImageRowsRecipe;
  readonly masks: ImageRowsRecipe;
}

/** Names the mask of an image; both paths are relative to their folders. */
export type MaskOf = (imagePath: string) => string;

const shown = 3;

/** Images of a folder, and the mask of each in another folder. */
export class SegmentationRows implements FileRows {
  readonly images: ImageRows;
  /** The mask of image `k` has the index `k`. */
  readonly masks: ImageRows;

  private constructor(images: ImageRows, masks: ImageRows) {
    this.images = images;
    this.masks = masks;
  }

  /** Lists both folders. @throws {@link StorageError}, {@link FormatError}, {@link ConfigError} */
  static async open(
    images: string | URL,
    masks: string | URL,
    maskOf: MaskOf | undefined,
    storage: StorageOptions,
  ): Promise<SegmentationRows> {
    const listing = { labels: false, storage } as const;
    const [found, all] = await Promise.all([ImageRows.open(images, listing), ImageRows.open(masks, listing)]);
    const byName = new Map<string, number>();
    for (let k = 0; k < all.length; k++) {
      const name = maskOf ? all.path(k) : withoutEnding(all.path(k));
      if (byName.has(name))
        throw new FormatError(`Two masks have the name ${name}`, {
          where: { folder: all.root },
          next: 'Keep one of them, or pass maskOf to name the mask of an image.',
        });
      byName.set(name, k);
    }
    const missing: string[] = [];
    const places: number[] = [];
    for (let k = 0; k < found.length; k++) {
      const path = found.path(k);
      const name = maskOf ? maskOf(path) : withoutEnding(path);
      const place = byName.get(name);
      if (place === undefined) missing.push(`${path} (${name})`);
      else places.push(place);
    }
    if (missing.length > 0)
      throw new FormatError(`${missing.length} of ${found.length} images have no mask`, {
        where: { images: found.root, masks: all.root, missing: missing.slice(0, shown).join(', ') },
        next: 'Remove the images, add the masks, or pass maskOf: a function from the path of an image to that of its mask.',
      });
    return new SegmentationRows(found, all.chosen(places));
  }

  get length(): number {
    return this.images.length;
  }

  /** Files are read one by one. */
  readonly shardLengths = undefined;

  prefetch(): undefined {}

  identity(): JsonObject {
    return { images: this.images.identity(), masks: this.masks.identity() };
  }

  recipe(): SegmentationRowsRecipe {
    return { images: this.images.recipe(), masks: this.masks.recipe() };
  }

  static fromRecipe({ images, masks }: SegmentationRowsRecipe): SegmentationRows {
    return new SegmentationRows(ImageRows.fromRecipe(images), ImageRows.fromRecipe(masks));
  }

  close(): void {}
}

function withoutEnding(path: string): string {
  return path.replace(/\.[^./]+$/, '');
}

/** @throws {@link ConfigError} */
export function checkMaskOf(maskOf: unknown): asserts maskOf is MaskOf | undefined {
  if (maskOf === undefined || typeof maskOf === 'function') return;
  throw new ConfigError('SegmentationFolder options', [
    { field: 'maskOf', message: 'must be a function from the path of an image to that of its mask' },
  ]);
}
