import type { BatchContext, IndexArray, SampleContext } from '../../core/dataset.js';
import type { JsonObject } from '../../core/json.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type Recipe, toRecipe } from '../../core/recipe.js';
import { type Tensor, tensor } from '../../core/tensor.js';
import type { ImageDType } from '../../images/image-finisher.js';
import { ImagePipeline, type ImageTransform } from '../../images/index.js';
import { movableSteps, stepsIdentity } from '../../images/movable-steps.js';
import { pixelSettings } from '../../images/pipeline-options.js';
import { type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { FileDataset, type FileRecipe } from '../file-dataset.js';
import { eachOf } from './each-of.js';
import { ImageRows, type ImageRowsRecipe } from './image-rows.js';
import type { ImageLabels } from './label-table.js';
import { type PictureOptions, type PictureSettings, pictureOptions } from './picture-settings.js';

export interface ImageFolderOptions extends PictureOptions, StorageOptions {
  /** Names of the classes to read, in the order of their labels. @defaultValue all, sorted */
  readonly classes?: readonly string[];
  /**
   * Where labels come from instead of class folders, for images at any depth: a CSV, TSV or Parquet file with a row for each image, such as
   * `file_name,label` (`{ table, file, label }` names the columns); a function of the path; or `false`: every label is -1. The rows of
   * a table give the order, and images that it does not name are left out. Labels that are whole numbers stay as they are; names are
   * numbered by `classes`, or sorted. @defaultValue the names of the class folders
   */
  readonly labels?: ImageLabels;
}

/** An image and its class. */
export interface LabeledImage {
  /** As `ImagePipeline.run` returns it: uint8 `[3, H, W]`, or float32 after `normalize`, unless options say otherwise. */
  readonly image: Tensor<ImageDType>;
  /** A scalar: the position of the class in `classes`. */
  readonly label: Tensor<'int32'>;
}

/**
 * Images in one folder per class, at any depth: the layout of torchvision's `ImageFolder`, with the same classes in the same
 * order. Hidden files and folders, and files that are not images, are skipped; links are followed. Folders of splits (`train`,
 * `test`) are an error: open one of them. If all results have one size, batches are written in place.
 */
export class ImageFolder extends FileDataset<LabeledImage, ImageRows, PictureSettings> {
  readonly #pipeline: ImagePipeline;
  /** Present if all results have one size. */
  readonly getBatch?: (indices: IndexArray, context: BatchContext) => MaybePromise<LabeledImage>;

  private constructor(rows: ImageRows, pipeline: ImagePipeline) {
    super('ImageFolder', rows, { steps: pipeline.steps, options: pipeline.settings });
    this.#pipeline = pipeline;
    const { fixedShape } = pipeline;
    if (fixedShape) this.getBatch = (indices, context) => this.#makeBatch(indices, context, fixedShape);
  }

  /**
   * Lists the folders. O(files); no image is read.
   *
   * @param root - A path, or a `file:`, `s3:`, `gs:`, `az:` or `hf:` URL.
   * @throws {@link StorageError} if the folder cannot be listed; {@link FormatError} if it has no class folders or one has no
   *   images; {@link ConfigError} if the transforms are in an impossible order.
   */
  static async open(root: string | URL, options: ImageFolderOptions = {}): Promise<ImageFolder> {
    const { transforms = [], ...others } = options;
    const { pictures, rest } = pictureOptions('ImageFolder options', { transforms, ...others });
    const { classes, labels, ...storage } = rest;
    storageOptions(storage);
    const pipeline = new ImagePipeline(pictures?.steps ?? [], pictures?.options);
    return new ImageFolder(await ImageRows.open(root, { storage, classes, labels }), pipeline);
  }

  get root(): string {
    return this.rows.root;
  }

  /** Names of the classes: those of the folders or labels, sorted, or those that were given. */
  get classes(): readonly string[] {
    return this.rows.classes;
  }

  /** Path of an image, relative to the root. @throws {@link IndexRangeError} */
  path(index: number): string {
    return this.rows.path(index);
  }

  /** The class of an image: its position in `classes`. @throws {@link IndexRangeError} */
  label(index: number): number {
    return this.rows.label(index);
  }

  /** The undecoded file of an image. @throws {@link StorageError} */
  bytes(index: number): MaybePromise<Uint8Array> {
    return this.rows.read(index).bytes;
  }

  get(index: number, context: SampleContext): MaybePromise<LabeledImage> {
    const { bytes, file } = this.rows.read(index);
    const label = tensor(Int32Array.of(this.label(index)), []);
    return andThen(bytes, (read) =>
      andThen(this.#pipeline.run(read, file, context), (image) => ({ image, label })),
    );
  }

  /** @internal */
  get imageSteps(): readonly ImageTransform[] {
    return this.settings.steps;
  }

  /** @internal */
  afterSteps(count: number): ImageFolder {
    const { steps, options } = this.settings;
    return new ImageFolder(this.rows, new ImagePipeline(steps.slice(0, count), options));
  }

  protected override identity(): JsonObject {
    const { steps, settings } = this.#pipeline;
    const { layout, decoder } = settings;
    return { transforms: stepsIdentity(steps), layout, decoder, ...pixelSettings(settings) };
  }

  override [toRecipe](): Recipe {
    movableSteps(this.settings.steps);
    return super[toRecipe]();
  }

  static fromRecipe({ rows, settings }: FileRecipe<ImageRowsRecipe, PictureSettings>): ImageFolder {
    return new ImageFolder(ImageRows.fromRecipe(rows), new ImagePipeline(settings.steps, settings.options));
  }

  #makeBatch(
    indices: IndexArray,
    context: BatchContext,
    shape: readonly number[],
  ): MaybePromise<LabeledImage> {
    const image = context.allocate(this.#pipeline.dtype, [indices.length, ...shape]);
    const label = context.allocate('int32', [indices.length]);
    const elements = shape.reduce((product, length) => product * length, 1);
    const make = (i: number): MaybePromise<void> => {
      const index = indices[i]!;
      label.data[i] = this.label(index);
      const { bytes, file } = this.rows.read(index);
      const target = image.data.subarray(i * elements, (i + 1) * elements);
      return andThen(bytes, (read) => this.#pipeline.runInto(read, file, context.sample(i), target));
    };
    const together = Math.min(indices.length, this.rows.readTogether);
    return andThen(eachOf(indices.length, together, make), () => ({ image, label }));
  }
}
