import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BatchContext, Dataset, IndexArray, SampleContext } from '../../core/dataset.js';
import { fingerprint } from '../../core/fingerprint.js';
import { checkIndex } from '../../core/index-range.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type Movable, type Recipe, toRecipe } from '../../core/recipe.js';
import { timeReadSync } from '../../core/stage-clock.js';
import { type Tensor, tensor } from '../../core/tensor.js';
import type { ImageDType, ImagePipelineOptions } from '../../images/image-pipeline.js';
import { ImagePipeline, type ImageTransform } from '../../images/index.js';
import { movableSteps, stepsIdentity } from '../../images/movable-steps.js';
import { localPath } from '../../storage/local-path.js';
import { RemoteFiles } from '../../storage/remote-files.js';
import { storageFailure } from '../../storage/storage-failure.js';
import { movableOptions, type StorageOptions, storageOptions } from '../../storage/storage-options.js';
import { isRemote } from '../../storage/url-scheme.js';
import { PathList } from '../records/path-list.js';
import { type ImageListing, listImages, listRemoteImages } from './list-images.js';

export interface ImageFolderOptions extends ImagePipelineOptions, StorageOptions {
  /** Steps applied to each image: see `ImagePipeline`. @defaultValue none: bytes, at the size of the file */
  readonly transforms?: readonly ImageTransform[];
  /** Names of the class folders to read, in the order of their labels. @defaultValue all, sorted */
  readonly classes?: readonly string[];
}

/** Local files that are read and decoded concurrently, if decoding is asynchronous. */
const filesTogether = 4;

/** An image and its class. */
export interface LabelledImage {
  /** Shape `[3, H, W]`, or `[H, W, 3]` with `layout: 'NHWC'`; float32 after `normalize`, else uint8. */
  readonly image: Tensor<ImageDType>;
  /** A scalar: the position of the folder's name in `classes`. */
  readonly label: Tensor<'int32'>;
}

/**
 * Images in one folder per class, at any depth: the layout of torchvision's `ImageFolder`, with the same classes in the same
 * order. Hidden files and folders, and files that are not images, are skipped; links are followed. Folders of splits (`train`,
 * `test`) are an error: open one of them. If all results have one size, batches are written in place.
 */
export class ImageFolder implements Dataset<LabelledImage>, Movable {
  readonly root: string;
  /** Names of the class folders: sorted, or those that were given. */
  readonly classes: readonly string[];
  readonly length: number;
  readonly #paths: PathList;
  readonly #labels: Int32Array;
  readonly #pipeline: ImagePipeline;
  /** Reads remote images; `undefined` for local ones. */
  readonly #remote: RemoteFiles | undefined;
  /** Present if all results have one size. */
  readonly getBatch?: (indices: IndexArray, context: BatchContext) => MaybePromise<LabelledImage>;

  private constructor(root: string, listing: ImageListing, pipeline: ImagePipeline, storage: StorageOptions) {
    this.root = root;
    this.#remote = isRemote(root) ? new RemoteFiles(storage) : undefined;
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
   * @param root - A path, or a `file:`, `s3:` or `hf:` URL.
   * @throws {@link StorageError} if the folder cannot be listed; {@link FormatError} if it has no class folders or one has no
   *   images; {@link ConfigError} if the transforms are in an impossible order.
   */
  static async open(root: string | URL, options: ImageFolderOptions = {}): Promise<ImageFolder> {
    const {
      transforms = [],
      classes,
      retries,
      timeoutMs,
      concurrency,
      cache,
      headers,
      token,
      credentials,
      ...rest
    } = options;
    const storage = storageOptions(
      given({ retries, timeoutMs, concurrency, cache, headers, token, credentials }),
    );
    const pipeline = new ImagePipeline(transforms, rest);
    if (isRemote(root)) {
      const url = String(root).replace(/\/+$/, '');
      return new ImageFolder(url, await listRemoteImages(url, storage, classes), pipeline, storage);
    }
    const path = localPath(root);
    return new ImageFolder(path, await listImages(path, classes), pipeline, storage);
  }

  /** Path of an image, relative to the root. @throws {@link IndexRangeError} */
  path(index: number): string {
    checkIndex(index, this.length, 'ImageFolder');
    return this.#paths.at(index);
  }

  /** The class of an image: its position in `classes`. @throws {@link IndexRangeError} */
  label(index: number): number {
    checkIndex(index, this.length, 'ImageFolder');
    return this.#labels[index]!;
  }

  /** The undecoded file of an image. @throws {@link StorageError} */
  bytes(index: number): MaybePromise<Uint8Array> {
    return this.#read(index).bytes;
  }

  get(index: number, context: SampleContext): MaybePromise<LabelledImage> {
    const { bytes, file } = this.#read(index);
    const label = tensor(this.#labels.slice(index, index + 1), []);
    return andThen(bytes, (read) =>
      andThen(this.#pipeline.run(read, file, context), (image) => ({ image, label })),
    );
  }

  /** Computed from paths, classes and transforms; images are not read. */
  fingerprint(): string {
    const { steps, layout, decoder, exact } = this.#pipeline;
    const { classes, length } = this;
    const paths = this.#paths.hash();
    const transforms = stepsIdentity(steps);
    return fingerprint({
      kind: 'ImageFolder',
      classes,
      length,
      paths,
      transforms,
      layout,
      decoder,
      ...(exact && { exact }),
    });
  }

  [toRecipe](): Recipe {
    const { steps, layout, decoder, exact, maxPixels } = this.#pipeline;
    const { root, classes } = this;
    const listing = { classes, labels: this.#labels, ...this.#paths.shared() };
    return {
      builtIn: 'ImageFolder',
      args: {
        root,
        listing,
        steps: movableSteps(steps),
        options: { layout, decoder, exact, maxPixels },
        storage: movableOptions(this.#remote?.options ?? {}),
      },
    };
  }

  static fromRecipe({ root, listing, steps, options, storage }: ImageFolderRecipe): ImageFolder {
    const { classes, labels, text, ends } = listing;
    const paths = new PathList(text, ends);
    return new ImageFolder(root, { classes, labels, paths }, new ImagePipeline(steps, options), storage);
  }

  #makeBatch(indices: IndexArray, context: BatchContext): MaybePromise<LabelledImage> {
    const [height, width] = this.#pipeline.fixedSize!;
    const { dtype, layout } = this.#pipeline;
    const size = layout === 'NCHW' ? [3, height, width] : [height, width, 3];
    const image = context.allocate(dtype, [indices.length, ...size]);
    const label = context.allocate('int32', [indices.length]);
    const elements = 3 * height * width;
    const make = (i: number): MaybePromise<void> => {
      const index = indices[i]!;
      label.data[i] = this.#labels[index]!;
      const { bytes, file } = this.#read(index);
      const target = image.data.subarray(i * elements, (i + 1) * elements);
      return andThen(bytes, (read) => this.#pipeline.runInto(read, file, context.sample(i), target));
    };
    // Local files are read when they are decoded; remote ones are requested together.
    const together = this.#remote ? indices.length : filesTogether;
    return andThen(eachOf(indices.length, together, make), () => ({ image, label }));
  }

  #read(index: number): { readonly bytes: MaybePromise<Uint8Array>; readonly file: string } {
    if (this.#remote) {
      const url = `${this.root}/${this.path(index)}`;
      return { bytes: this.#remote.read(url), file: url };
    }
    const file = join(this.root, this.path(index));
    try {
      return { bytes: timeReadSync(() => readFileSync(file)), file };
    } catch (cause) {
      throw storageFailure('read', file, cause);
    }
  }
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
  readonly storage: StorageOptions;
}

/**
 * Runs `work` for 0 … n - 1: synchronously while possible, the rest concurrently with a limit. On a failure, waits for work in
 * progress, so that nothing writes into an abandoned batch.
 */
function eachOf(n: number, together: number, work: (i: number) => MaybePromise<void>): MaybePromise<void> {
  for (let i = 0; i < n; i++) {
    const made = work(i);
    if (made instanceof Promise) return rest(made, i + 1);
  }

  async function rest(first: Promise<void>, from: number): Promise<void> {
    let next = from;
    let failure: { readonly error: unknown } | undefined;
    const lane = async (begun?: Promise<void>): Promise<void> => {
      try {
        await begun;
        while (next < n && !failure) await work(next++);
      } catch (error) {
        failure ??= { error };
      }
    };
    await Promise.all([lane(first), ...Array.from({ length: together - 1 }, () => lane())]);
    if (failure) throw failure.error;
  }
}

/** Drops undefined options. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
