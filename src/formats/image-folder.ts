import { type Dirent, readFileSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import type { BatchContext, Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import { ConfigError, FormatError } from '../core/errors.js';
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
import { listFiles } from '../storage/list-files.js';
import { localPath } from '../storage/local-path.js';
import { RemoteFiles } from '../storage/remote-files.js';
import { storageFailure } from '../storage/storage-failure.js';
import { type StorageOptions, storageOptions } from '../storage/storage-options.js';
import { isRemote } from '../storage/url-scheme.js';
import { imageExtensions, isImage } from './detect-format.js';
import { PathList } from './path-list.js';
import { splitOf } from './split-of.js';

export interface ImageFolderOptions extends ImagePipelineOptions, StorageOptions {
  /** What is done to each image: see `ImagePipeline`. @defaultValue none: bytes, at the size of the file */
  readonly transforms?: readonly ImageTransform[];
}

/** Files of this machine that are read and decoded at the same time, where that takes waiting. */
const filesTogether = 4;

/** An image and the class it belongs to. */
export interface LabelledImage {
  /** Shape `[3, H, W]`, or `[H, W, 3]` with `layout: 'NHWC'`; float32 after `normalize`, else uint8. */
  readonly image: Tensor<ImageDType>;
  /** A scalar: the position of the folder's name in `classes`. */
  readonly label: Tensor<'int32'>;
}

/**
 * Images in folders, a folder a class, however deep: the layout of torchvision's `ImageFolder`, with the same classes and the same
 * order. Hidden files and folders, and files that are no images, are left out; links are followed. Folders of splits (`train`, `test`) are
 * an error: open one of them. Where all images come out at one size, a batch is written straight into its place.
 */
export class ImageFolder implements Dataset<LabelledImage>, Movable {
  readonly root: string;
  /** Names of the class folders, sorted. */
  readonly classes: readonly string[];
  readonly length: number;
  readonly #paths: PathList;
  readonly #labels: Int32Array;
  readonly #pipeline: ImagePipeline;
  /** Where the images are far away. */
  readonly #remote: RemoteFiles | undefined;
  /** There where all images have one size. */
  readonly getBatch?: (indices: IndexArray, context: BatchContext) => MaybePromise<LabelledImage>;

  private constructor(root: string, listing: Listing, pipeline: ImagePipeline, storage: StorageOptions) {
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
   * @throws {@link StorageError} when it cannot be listed, {@link FormatError} when it has no class folders or one of them no
   *   images, {@link ConfigError} when the transforms are in an impossible order.
   */
  static async open(root: string | URL, options: ImageFolderOptions = {}): Promise<ImageFolder> {
    const { transforms = [], retries, timeoutMs, concurrency, cache, headers, ...rest } = options;
    const storage = storageOptions(given({ retries, timeoutMs, concurrency, cache, headers }));
    const pipeline = new ImagePipeline(transforms, rest);
    if (isRemote(root)) {
      const url = String(root).replace(/\/+$/, '');
      return new ImageFolder(url, await listRemoteImages(url, storage), pipeline, storage);
    }
    const path = localPath(root);
    return new ImageFolder(path, await listImages(path), pipeline, storage);
  }

  /** Path of an image, relative to the root. @throws {@link IndexRangeError} */
  path(index: number): string {
    checkIndex(index, this.length, 'ImageFolder');
    return this.#paths.at(index);
  }

  /** The class of an image: its place in `classes`. @throws {@link IndexRangeError} */
  label(index: number): number {
    checkIndex(index, this.length, 'ImageFolder');
    return this.#labels[index]!;
  }

  /** The file of an image, as it is. @throws {@link StorageError} */
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

  /** Says the paths, the classes and the transforms; the images are not read. */
  fingerprint(): string {
    const { steps, layout, decoder, exact } = this.#pipeline;
    const { classes, length } = this;
    const paths = this.#paths.hash();
    const transforms = JSON.stringify(steps);
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
        steps,
        options: { layout, decoder, exact, maxPixels },
        storage: this.#remote?.options ?? {},
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
      return andThen(bytes, (read) => this.#pipeline.runInto(read, file, context.sample(index), target));
    };
    // Files of this machine are read when they are decoded; those from afar are asked for together.
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
  readonly storage: StorageOptions;
}

async function listImages(root: string): Promise<Listing> {
  const entries = await list(root);
  const classes: string[] = [];
  for (const entry of entries) if (await isFolder(root, entry)) classes.push(entry.name);
  classes.sort(byCodePoint);
  checkClasses(root, classes);
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

/** The same of names that a server lists. */
async function listRemoteImages(root: string, storage: StorageOptions): Promise<Listing> {
  const names = (await listFiles(`${root}/`, storage)).map((name) => name.slice(root.length + 1));
  const images = names
    .filter((name) => name.includes('/') && isImage(name) && !name.split('/').some(isHidden))
    .sort(byFolderThenName);
  const classes = [...new Set(images.map((name) => name.slice(0, name.indexOf('/'))))];
  checkClasses(root, classes);
  if (classes.length === 0) {
    throw new FormatError('There are no images in folders below this URL', {
      where: { url: root, extensions: imageExtensions.join(' ') },
      next: 'Name an s3: or hf: URL above the folders of the classes; http: URLs cannot be listed.',
    });
  }
  const places = new Map(classes.map((name, label) => [name, label]));
  const labels = images.map((name) => places.get(name.slice(0, name.indexOf('/')))!);
  return { classes, paths: PathList.from(images), labels: sharedInts(labels) };
}

/** Files of a folder before those of the folders in it. */
function byFolderThenName(a: string, b: string): number {
  const [inA, inB] = [a.split('/'), b.split('/')];
  for (let depth = 0; ; depth++) {
    const [lastA, lastB] = [depth === inA.length - 1, depth === inB.length - 1];
    if (lastA !== lastB) return lastA ? -1 : 1;
    if (inA[depth] !== inB[depth] || lastA) return byCodePoint(inA[depth]!, inB[depth]!);
  }
}

/** Without what was not given. */
function given<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Images of a folder in torchvision's order: folder by folder, top down, sorted in each. */
async function imagesBelow(root: string, folder: string): Promise<string[]> {
  const entries = (await list(join(root, folder))).sort((a, b) => byCodePoint(a.name, b.name));
  const images: string[] = [];
  const below: string[][] = [];
  for (const entry of entries) {
    const name = `${folder}/${entry.name}`;
    if (!(await isFolder(join(root, folder), entry))) {
      if (isImage(entry.name)) images.push(name);
    } else if (!entry.isSymbolicLink() || !(await holdsItself(join(root, name))))
      below.push(await imagesBelow(root, name));
  }
  return images.concat(...below);
}

/** Whether an entry is a folder, or a link to one. */
async function isFolder(folder: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const found = await stat(join(folder, entry.name)).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/** Whether a link leads to a folder that it is in: following it would have no end. */
async function holdsItself(link: string): Promise<boolean> {
  const [target, folder] = await Promise.all([realpath(link), realpath(dirname(link))]);
  return folder === target || folder.startsWith(`${target}${sep}`);
}

/** Refuses folders of splits, which would become the classes. */
function checkClasses(root: string, classes: readonly string[]): void {
  if (
    classes.length === 0 ||
    !classes.every((name) => splitOf(`${name}/`) !== undefined && /^[a-z]+$/i.test(name))
  )
    return;
  throw new ConfigError(
    'ImageFolder',
    [{ field: 'root', message: `${root} holds splits, not classes: ${classes.join(', ')}` }],
    { next: `Open one of them: ${root}/${classes[0]}.` },
  );
}

/** What macOS and notebooks leave behind is hidden, or has this name. */
function isHidden(name: string): boolean {
  return name.startsWith('.') || name === '__MACOSX';
}

async function list(folder: string) {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter(({ name }) => !isHidden(name));
  } catch (cause) {
    throw storageFailure('list', folder, cause);
  }
}

function sharedInts(values: readonly number[]): Int32Array {
  const shared = new Int32Array(new SharedArrayBuffer(4 * values.length));
  shared.set(values);
  return shared;
}

/**
 * Does work for 0 … n - 1: at once what needs no waiting, and so many at a time of the rest. A failure waits for what was begun, so
 * that none writes into a batch that has been given up.
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
