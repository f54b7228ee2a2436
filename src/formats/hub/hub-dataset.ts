import type { Dataset, IndexArray, SampleContext } from '../../core/dataset.js';
import { FormatError, MillraceError } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { firstAbove } from '../../core/first-above.js';
import { checkIndex } from '../../core/index-range.js';
import { andThen, type MaybePromise, mapError } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import { messageOf } from '../../core/thrown.js';
import { ImagePipeline } from '../../images/image-pipeline.js';
import { movableSteps } from '../../images/movable-steps.js';
import { sampleContext } from '../../random/sample-context.js';
import { type PictureSettings, pictureIdentity } from '../images/picture-settings.js';
import { columnPictures, SamplePictures } from '../images/sample-pictures.js';
import { rowCast } from './cast-value.js';
import type { HubFeatures } from './features.js';
import { HubRecords, type RawRow } from './hub-records.js';

/** Decoding an image without steps draws no random numbers: any context will do. */
const anyContext = sampleContext(0);

/** Rows of the files of a split, before they are cast. */
export interface StoredRows {
  readonly length: number;
  readonly shardLengths?: readonly number[] | undefined;
  get(index: number): MaybePromise<RawRow>;
  prefetch(indices: IndexArray): number | undefined;
  fingerprint(): string;
  close(): void | Promise<void>;
}

/** Where rows come from: those of one split that are next to each other. */
export interface HubPart {
  readonly rows: StoredRows & Movable;
  readonly split: string;
  /** The first row, and the one after the last. */
  readonly start: number;
  readonly end: number;
}

/** What is the same for all parts. */
export interface HubSettings {
  readonly features: HubFeatures;
  /** Whether the files store values of these types. */
  readonly isStored: boolean;
  /** Whether the types were inferred from the first rows. */
  readonly isInferred: boolean;
  /** The repository, commit and configuration; `undefined` for a local folder, which its files identify. */
  readonly origin:
    | { readonly repository: string; readonly commit: string; readonly config: string }
    | undefined;
  /** How the pictures are made; `undefined`: they are decoded. */
  readonly pictures?: PictureSettings | undefined;
}

/**
 * Rows of a data set of the Hub, or of a folder that is laid out as one: each is an object by column, with values of the types in
 * {@link features}. `loadDataset` opens it.
 *
 * @typeParam T - A row. It is not checked.
 */
export class HubDataset<T = Readonly<Record<string, unknown>>> implements Dataset<T>, Movable {
  /** Number of rows. */
  readonly length: number;
  readonly #parts: readonly HubPart[];
  /** Rows of the parts up to and including each. */
  readonly #ends: readonly number[];
  readonly #settings: HubSettings;
  readonly #cast: (row: RawRow) => MaybePromise<Record<string, unknown>>;
  readonly #pictures: SamplePictures | undefined;
  #images: ImagePipeline | undefined;

  /** @internal */
  constructor(parts: readonly HubPart[], settings: HubSettings) {
    this.#parts = parts;
    this.#settings = settings;
    let end = 0;
    this.#ends = parts.map((part) => {
      end += part.end - part.start;
      return end;
    });
    this.length = end;
    const { features, isStored, isInferred, pictures } = settings;
    this.#pictures = pictures && new SamplePictures(columnPictures('loadDataset options'), pictures);
    this.#cast = rowCast(features, {
      isStored,
      isInferred,
      decodeImage: (bytes, name) => {
        if (this.#pictures) return { bytes, path: name };
        this.#images ??= new ImagePipeline([]);
        return this.#images.run(bytes, name, anyContext);
      },
    });
  }

  /** The columns and their types, in order. */
  get features(): HubFeatures {
    return this.#settings.features;
  }

  /** Rows of each part that is read as a whole: a file, row group or record batch. */
  get shardLengths(): readonly number[] | undefined {
    const lengths = this.#parts.map(({ rows, start, end }) => {
      let at = 0;
      return rows.shardLengths?.flatMap((length) => {
        const from = Math.max(start, at);
        at += length;
        const to = Math.min(end, at);
        return to > from ? [to - from] : [];
      });
    });
    return lengths.every((each) => each !== undefined) ? lengths.flat() : undefined;
  }

  /**
   * Row `index`, as an object by column.
   *
   * @throws {@link IndexRangeError}; {@link FormatError} if the row is damaged, or a value does not have the type of its column.
   */
  get(index: number, context: SampleContext = sampleContext(index)): MaybePromise<T> {
    checkIndex(index, this.length, 'HubDataset');
    const { rows, row } = this.#find(index);
    return andThen(rows.get(row), (raw) => {
      const make = () =>
        andThen(this.#cast(raw), (cast) => this.#pictures?.apply(cast, `row ${index}`, context) ?? cast);
      return mapError(make, (error) => this.#failed(error, index)) as MaybePromise<T>;
    });
  }

  /** Requests remote bytes of these rows, to be kept in the cache. Returns how many bytes are newly requested. */
  prefetch(indices: IndexArray): number | undefined {
    const byRows = new Map<StoredRows, number[]>();
    for (const index of indices) {
      const { rows, row } = this.#find(index);
      byRows.set(rows, [...(byRows.get(rows) ?? []), row]);
    }
    const sums = Array.from(byRows, ([rows, own]) => rows.prefetch(own));
    if (sums.some((bytes) => bytes === undefined)) return undefined;
    return sums.reduce<number>((sum, bytes = 0) => sum + bytes, 0);
  }

  /** @internal */
  get imageSteps(): PictureSettings['steps'] | undefined {
    return this.#settings.pictures?.steps;
  }

  /** @internal */
  afterSteps(count: number): HubDataset<T> {
    const { pictures } = this.#settings;
    if (!pictures) return this;
    const shorter = { ...pictures, steps: pictures.steps.slice(0, count) };
    return new HubDataset<T>(this.#parts, { ...this.#settings, pictures: shorter });
  }

  /** For a repository, computed from its name, commit and configuration; for a folder, from metadata and parts of its files. */
  fingerprint(): string {
    const { origin, features, pictures } = this.#settings;
    const parts = this.#parts.map(({ rows, split, start, end }) => ({
      split,
      start,
      end,
      ...(!origin && { files: rows.fingerprint() }),
    }));
    return fingerprint({
      kind: 'HubDataset',
      origin: origin ?? null,
      features: JSON.stringify(features),
      parts,
      ...(pictures && { pictures: pictureIdentity(pictures) }),
    });
  }

  [toRecipe](): Recipe {
    const { pictures } = this.#settings;
    if (pictures) movableSteps(pictures.steps);
    const parts = this.#parts.map(({ rows, ...part }) => ({ ...part, rows: recipeOf(rows, 'rows') }));
    return { builtIn: 'HubDataset', args: { parts, settings: this.#settings } };
  }

  static async fromRecipe(
    {
      parts,
      settings,
    }: {
      readonly parts: readonly (Omit<HubPart, 'rows'> & { readonly rows: Recipe })[];
      readonly settings: HubSettings;
    },
    make: MakeFromRecipe,
  ): Promise<HubDataset<unknown>> {
    const made = parts.map(async ({ rows, ...part }) => ({
      ...part,
      rows: await make<HubPart['rows']>(rows),
    }));
    return new HubDataset(await Promise.all(made), settings);
  }

  async close(): Promise<void> {
    await Promise.all([...new Set(this.#parts.map(({ rows }) => rows))].map((rows) => rows.close()));
  }

  #find(index: number): { readonly rows: HubPart['rows']; readonly row: number } {
    const number = firstAbove(this.#ends, index);
    const { rows, start } = this.#parts[number]!;
    return { rows, row: start + index - (number === 0 ? 0 : this.#ends[number - 1]!) };
  }

  /** The error for a row that cannot be cast, with its location. */
  #failed(error: unknown, index: number): unknown {
    if (error instanceof MillraceError) return error;
    const { rows, row } = this.#find(index);
    const what = `has a value of another type than its column: ${messageOf(error)}`;
    if (rows instanceof HubRecords) return rows.damaged(row, what);
    return new FormatError(`Row ${row} ${what}`, {
      where: { dataset: 'HubDataset', index, row },
      next: 'Correct the features in the card (dataset_info in README.md), or the data.',
      cause: error,
    });
  }
}
