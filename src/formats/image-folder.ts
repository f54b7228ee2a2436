import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BatchContext, Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import { FormatError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { type Movable, type Recipe, toRecipe } from '../core/recipe.js';
import { timeReadSync } from '../core/stage-clock.js';
import { type Tensor, tensor } from '../core/tensor.js';
import {
  type ImageDType,
  ImagePipeline,
  type ImagePipelineOptions,
  type ImageTransform,
} from '../images/index.js';
import { byCodePoint } from '../storage/code-point-order.js';
import { localPath } from '../storage/local-path.js';
import { storageFailure } from '../storage/storage-failure.js';
import { PathList } from './path-list.js';

export interface ImageFolderOptions extends ImagePipelineOptions {
  /** What is done to each image: see `ImagePipeline`. @defaultValue none: bytes, at the size of the file */
  readonly transforms?: readonly ImageTransform[];
}

/** An image and the class it belongs to. */
export interface LabelledImage {
  /** Shape `[3, H, W]`, or `[H, W, 3]` with `layout: 'NHWC'`; float32 after `normalize`, else uint8. */
  readonly image: Tensor<ImageDType>;
  /** A scalar: the position of the folder's name in `classes`. */
  readonly label: Tensor<'int32'>;
}

/** File name endings of images. */
export const imageExtensions = [
  '.jpg',
  '.jpeg',
  '.png',
  '.ppm',
  '.bmp',
  '.pgm',
  '.tif',
  '.tiff',
  '.webp',
  '.avif',
  '.gif',
];

/**
 * Images in folders, a folder a class, however deep: the layout of torchvision's `ImageFolder`, with the same classes and the same
 * order. Where all images come out at one size, a batch is written straight into its place.
 */
export class ImageFolder implements Dataset<LabelledImage>, Movable {
  readonly root: string;
  /** Names of the class folders, sorted. */
  readonly classes: readonly string[];
  readonly length: number;
  readonly #paths: PathList;
  readonly #labels: Int32Array;
  readonly #pipeline: ImagePipeline;
  /** There where all images have one size. */
  readonly getBatch?: (indices: IndexArray, context: BatchContext) => MaybePromise<LabelledImage>;

  private constructor(root: string, listing: Listing, pipeline: ImagePipeline) {
    this.root = root;
    this.classes = listing.classes;
    this.length = listing.labels.length;
    this.#paths = listing.paths;
    this.#labels = listing.labels;
    this.#pipeline = pipeline;
    if (pipeline.fixedSize) this.getBatch = (indices, context) => this.#makeBatch(indices, context);
  }

  /**
   * Lists the folders. O(files); no image is read.
   *
   * @param root - A path or `file:` URL.
   * @throws {@link StorageError} when it cannot be listed, {@link FormatError} when it has no class folders or one of them no
   *   images, {@link ConfigError} when the transforms are in an impossible order.
   */
  static async open(root: string | URL, options: ImageFolderOptions = {}): Promise<ImageFolder> {
    const { transforms = [], ...rest } = options;
    const pipeline = new ImagePipeline(transforms, rest);
    const path = localPath(root);
    return new ImageFolder(path, await listImages(path), pipeline);
  }

  /** Path of an image, relative to the root. @throws {@link IndexRangeError} */
  path(index: number): string {
    checkIndex(index, this.length, 'ImageFolder');
    return this.#paths.at(index);
  }

  get(index: number, context: SampleContext): MaybePromise<LabelledImage> {
    const { bytes, file } = this.#read(index);
    const label = tensor(this.#labels.slice(index, index + 1), []);
    return andThen(this.#pipeline.run(bytes, file, context), (image) => ({ image, label }));
  }

  /** Says the paths, the classes and the transforms; the images are not read. */
  fingerprint(): string {
    const { steps, layout, decoder } = this.#pipeline;
    const { classes, length } = this;
    const paths = this.#paths.hash();
    const transforms = JSON.stringify(steps);
    return fingerprint({ kind: 'ImageFolder', classes, length, paths, transforms, layout, decoder });
  }

  [toRecipe](): Recipe {
    const { steps, layout, decoder } = this.#pipeline;
    const { root, classes } = this;
    const listing = { classes, labels: this.#labels, ...this.#paths.shared() };
    return { builtIn: 'ImageFolder', args: { root, listing, steps, options: { layout, decoder } } };
  }

  static fromRecipe({ root, listing, steps, options }: ImageFolderRecipe): ImageFolder {
    const { classes, labels, text, ends } = listing;
    const paths = new PathList(text, ends);
    return new ImageFolder(root, { classes, labels, paths }, new ImagePipeline(steps, options));
  }

  #makeBatch(indices: IndexArray, context: BatchContext): MaybePromise<LabelledImage> {
    const [height, width] = this.#pipeline.fixedSize!;
    const { dtype, layout } = this.#pipeline;
    const size = layout === 'NCHW' ? [3, height, width] : [height, width, 3];
    const image = context.allocate(dtype, [indices.length, ...size]);
    const label = context.allocate('int32', [indices.length]);
    const elements = 3 * height * width;
    const waiting: Promise<void>[] = [];
    for (let i = 0; i < indices.length; i++) {
      const { bytes, file } = this.#read(indices[i]!);
      const target = image.data.subarray(i * elements, (i + 1) * elements);
      const made = this.#pipeline.runInto(bytes, file, context.sample(indices[i]!), target);
      if (made instanceof Promise) waiting.push(made);
      label.data[i] = this.#labels[indices[i]!]!;
    }
    return waiting.length === 0 ? { image, label } : settled(waiting).then(() => ({ image, label }));
  }

  #read(index: number): { readonly bytes: Uint8Array; readonly file: string } {
    const file = join(this.root, this.path(index));
    try {
      return { bytes: timeReadSync(() => readFileSync(file)), file };
    } catch (cause) {
      throw storageFailure('read', file, cause);
    }
  }
}

interface Listing {
  readonly classes: readonly string[];
  readonly paths: PathList;
  /** Shape `[n]`: the class of each path. */
  readonly labels: Int32Array;
}

interface ImageFolderRecipe {
  readonly root: string;
  readonly listing: {
    readonly classes: readonly string[];
    readonly labels: Int32Array;
    readonly text: Uint8Array;
    readonly ends: Float64Array;
  };
  readonly steps: readonly ImageTransform[];
  readonly options: ImagePipelineOptions;
}

async function listImages(root: string): Promise<Listing> {
  const entries = await list(root);
  const classes = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort(byCodePoint);
  if (classes.length === 0) {
    throw new FormatError('The folder has no folders in it, of which each would be a class of images', {
      where: { folder: root },
      next: 'Put the images of each class into a folder of its own: cats/1.jpg, dogs/2.jpg.',
    });
  }
  const paths: string[] = [];
  const labels: number[] = [];
  for (const [label, name] of classes.entries()) {
    const images = await imagesBelow(root, name);
    if (images.length === 0) {
      throw new FormatError(`The class folder ${name} has no images`, {
        where: { folder: join(root, name), extensions: imageExtensions.join(' ') },
        next: 'Remove the folder, or put images into it.',
      });
    }
    paths.push(...images);
    for (let k = 0; k < images.length; k++) labels.push(label);
  }
  return { classes, paths: PathList.from(paths), labels: sharedInts(labels) };
}

/** Images of a folder in torchvision's order: folder by folder, top down, sorted in each. */
async function imagesBelow(root: string, folder: string): Promise<string[]> {
  const entries = (await list(join(root, folder))).sort((a, b) => byCodePoint(a.name, b.name));
  const images = entries
    .filter(({ name }) => imageExtensions.some((extension) => name.toLowerCase().endsWith(extension)))
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`);
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}`);
  const below: string[][] = [];
  for (const inner of folders) below.push(await imagesBelow(root, inner));
  return images.concat(...below);
}

async function list(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw storageFailure('list', folder, cause);
  }
}

function sharedInts(values: readonly number[]): Int32Array {
  const shared = new Int32Array(new SharedArrayBuffer(4 * values.length));
  shared.set(values);
  return shared;
}

/** Waits for all, so that none writes into a batch that has been given up. */
async function settled(waiting: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(waiting)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
