import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprintBytes } from '../../core/fingerprint.js';
import { checkIndex } from '../../core/index-range.js';
import type { JsonObject } from '../../core/json.js';
import type { MaybePromise } from '../../core/maybe-promise.js';
import { timeReadSync } from '../../core/stage-clock.js';
import { localPath } from '../../storage/local-path.js';
import { RemoteFiles } from '../../storage/remote-files.js';
import { storageFailure } from '../../storage/storage-failure.js';
import { movableOptions, type StorageOptions } from '../../storage/storage-options.js';
import { isRemote } from '../../storage/url-scheme.js';
import type { FileRows } from '../file-dataset.js';
import { PathList } from '../records/path-list.js';
import { type ImageListing, type ListingOptions, listImages } from './list-images.js';

/** What a worker needs to read the same images without listing the folders again. */
export interface ImageRowsRecipe {
  readonly root: string;
  readonly classes: readonly string[];
  readonly labels: Int32Array;
  readonly paths: ReturnType<PathList['shared']>;
  readonly storage: StorageOptions;
}

/** Local files that are read and decoded concurrently, if decoding is asynchronous. */
const filesTogether = 4;

/** The images of an `ImageFolder`, each in a file of its own that is read whole. No file stays open. */
export class ImageRows implements FileRows {
  /** A path, or a URL without the last slash. */
  readonly root: string;
  readonly classes: readonly string[];
  readonly length: number;
  /** Images are read one by one. */
  readonly shardLengths: undefined;
  readonly #labels: Int32Array;
  readonly #paths: PathList;
  /** Reads remote images; `undefined` for local ones. */
  readonly #remote: RemoteFiles | undefined;

  private constructor(root: string, { classes, labels, paths }: ImageListing, storage: StorageOptions) {
    this.root = root;
    this.classes = classes;
    this.length = labels.length;
    this.#labels = labels;
    this.#paths = paths;
    this.#remote = isRemote(root) ? new RemoteFiles(storage) : undefined;
  }

  /**
   * Lists the folders.
   *
   * @throws {@link StorageError}, {@link FormatError}, {@link ConfigError}
   */
  static async open(root: string | URL, options: ListingOptions): Promise<ImageRows> {
    const name = isRemote(root) ? String(root).replace(/\/+$/, '') : localPath(root);
    return new ImageRows(name, await listImages(name, options), options.storage);
  }

  /** Some of these images, in this order. */
  chosen(places: readonly number[]): ImageRows {
    const { classes } = this;
    const labels = Int32Array.from(places, (place) => this.label(place));
    const paths = PathList.from(places.map((place) => this.path(place)));
    return new ImageRows(this.root, { classes, labels, paths }, this.#remote?.options ?? {});
  }

  /** Most files to read at once: local ones are read when they are decoded, remote ones are requested together. */
  get readTogether(): number {
    return this.#remote ? Number.POSITIVE_INFINITY : filesTogether;
  }

  /** Path below the root. @throws {@link IndexRangeError} */
  path(index: number): string {
    checkIndex(index, this.length, 'ImageFolder');
    return this.#paths.at(index);
  }

  /** Position in `classes`; -1 without labels. @throws {@link IndexRangeError} */
  label(index: number): number {
    checkIndex(index, this.length, 'ImageFolder');
    return this.#labels[index]!;
  }

  /** The undecoded file of an image, and its location. @throws {@link IndexRangeError}, {@link StorageError} */
  read(index: number): { readonly bytes: MaybePromise<Uint8Array>; readonly file: string } {
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

  /** Remote images are not kept open, so there is nothing to request ahead. */
  prefetch(): undefined {}

  /** Computed from paths, classes, and labels that folders do not give; no image is read. */
  identity(): JsonObject {
    const { classes, length } = this;
    const paths = this.#paths.hash();
    return this.#labels.every((label, k) => this.#paths.at(k).startsWith(`${classes[label]}/`))
      ? { classes, length, paths }
      : { classes, length, paths, labels: fingerprintBytes(this.#labels) };
  }

  recipe(): ImageRowsRecipe {
    const { root, classes } = this;
    return {
      root,
      classes,
      labels: this.#labels,
      paths: this.#paths.shared(),
      storage: movableOptions(this.#remote?.options ?? {}),
    };
  }

  static fromRecipe({ root, classes, labels, paths, storage }: ImageRowsRecipe): ImageRows {
    return new ImageRows(root, { classes, labels, paths: new PathList(paths.text, paths.ends) }, storage);
  }

  close(): void {}
}
