import type { SampleContext } from '../../core/dataset.js';
import type { JsonObject } from '../../core/json.js';
import { type Recipe, toRecipe } from '../../core/recipe.js';
import type { Tensor } from '../../core/tensor.js';
import { decodeMask } from '../../images/decode-mask.js';
import type { ImageDType } from '../../images/image-finisher.js';
import { ImagePipeline } from '../../images/index.js';
import { movableSteps, stepsIdentity } from '../../images/movable-steps.js';
import { pixelSettings } from '../../images/pipeline-options.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { FileDataset, type FileRecipe } from '../file-dataset.js';
import { type PictureOptions, type PictureSettings, pictureOptions } from './picture-settings.js';
import {
  checkMaskOf,
  type MaskOf,
  SegmentationRows,
  type SegmentationRowsRecipe,
} from './segmentation-rows.js';

export interface SegmentationFolderOptions extends PictureOptions, StorageOptions {
  /** The path of an image's mask, from that of the image: both relative to their folders. @defaultValue the same, with any ending */
  readonly maskOf?: MaskOf;
  /** Value of a mask beyond the image, where a step moves pixels in from there. @defaultValue `255`, which losses ignore */
  readonly maskFill?: number;
}

interface Settings extends PictureSettings {
  readonly maskFill: number;
}

/**
 * Images in one folder and their masks in another, as PNG files: the layout of ADE20K and, with `maskOf`, of Cityscapes. The same geometry
 * moves both; a mask takes the nearest pixel, so that it keeps its classes.
 */
export class SegmentationFolder extends FileDataset<
  {
    /** As `ImagePipeline.run` returns it: uint8 `[3, H, W]`, or float32 after `normalize`, unless options say otherwise. */
    readonly image: Tensor<ImageDType>;
    /** The class of each pixel: palette index or gray level, shape `[H, W]`; uint16 for gray of 16 bits. */
    readonly mask: Tensor<'uint8' | 'uint16'>;
  },
  SegmentationRows,
  Settings
> {
  readonly #pipeline: ImagePipeline;

  private constructor(rows: SegmentationRows, pipeline: ImagePipeline, maskFill: number) {
    super('SegmentationFolder', rows, { steps: pipeline.steps, options: pipeline.settings, maskFill });
    this.#pipeline = pipeline;
  }

  /**
   * Lists both folders. O(files); no file is read.
   *
   * @param images - A path, or a `file:`, `s3:`, `gs:`, `az:` or `hf:` URL. Its images may be at any depth.
   * @param masks - The same for masks. Those of no image are left out.
   * @throws {@link StorageError} if a folder cannot be listed; {@link FormatError} if an image has no mask; {@link ConfigError} if the
   *   transforms are in an impossible order.
   */
  static async open(
    images: string | URL,
    masks: string | URL,
    options: SegmentationFolderOptions = {},
  ): Promise<SegmentationFolder> {
    const { transforms = [], ...others } = options;
    const { pictures, rest } = pictureOptions('SegmentationFolder options', { transforms, ...others });
    const { maskOf, maskFill = 255, ...storage } = rest;
    storageOptions(storage);
    checkMaskOf(maskOf);
    const pipeline = new ImagePipeline(pictures?.steps ?? [], pictures?.options);
    return new SegmentationFolder(
      await SegmentationRows.open(images, masks, maskOf, storage),
      pipeline,
      maskFill,
    );
  }

  /** Path of an image, relative to its folder. @throws {@link IndexRangeError} */
  path(index: number): string {
    return this.rows.images.path(index);
  }

  /** Path of a mask, relative to its folder. @throws {@link IndexRangeError} */
  maskPath(index: number): string {
    return this.rows.masks.path(index);
  }

  /** @throws {@link FormatError} if a file is damaged, or the mask has colors but no palette; {@link ShapeError} if its size is not the image's. */
  async get(
    index: number,
    context: SampleContext,
  ): Promise<{ readonly image: Tensor<ImageDType>; readonly mask: Tensor<'uint8' | 'uint16'> }> {
    const { images, masks } = this.rows;
    const [imageFile, maskFile] = [images.read(index), masks.read(index)];
    const [image, maskBytes] = await Promise.all([imageFile.bytes, maskFile.bytes]);
    const mask = await decodeMask(maskBytes, maskFile.file, this.#pipeline.settings.maxPixels);
    const { maskFill } = this.settings;
    return this.#pipeline.apply({ image, mask }, context, { maskFill, name: imageFile.file });
  }

  protected override identity(): JsonObject {
    const { steps, settings } = this.#pipeline;
    const { layout, decoder } = settings;
    const { maskFill } = this.settings;
    return { transforms: stepsIdentity(steps), layout, decoder, maskFill, ...pixelSettings(settings) };
  }

  override [toRecipe](): Recipe {
    movableSteps(this.settings.steps);
    return super[toRecipe]();
  }

  static fromRecipe({ rows, settings }: FileRecipe<SegmentationRowsRecipe, Settings>): SegmentationFolder {
    const pipeline = new ImagePipeline(settings.steps, settings.options);
    return new SegmentationFolder(SegmentationRows.fromRecipe(rows), pipeline, settings.maskFill);
  }
}
