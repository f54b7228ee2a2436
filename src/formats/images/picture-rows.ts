import type { Dataset, IndexArray, SampleContext } from '../../core/dataset.js';
import type { ErrorLocation } from '../../core/errors.js';
import { fingerprint } from '../../core/fingerprint.js';
import { andThen, type MaybePromise } from '../../core/maybe-promise.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../../core/recipe.js';
import { movableSteps } from '../../images/movable-steps.js';
import { sampleContext } from '../../random/sample-context.js';
import type { Located } from '../file-dataset.js';
import { type PictureSettings, pictureIdentity } from './picture-settings.js';
import { columnPictures, SamplePictures } from './sample-pictures.js';

type Row = Readonly<Record<string, unknown>>;

interface PictureRowsRecipe {
  readonly rows: Recipe;
  readonly pictures: PictureSettings;
}

/** Rows of a table, with the picture of each row as a tensor. */
export class PictureRows implements Dataset<Row>, Movable {
  readonly #rows: Dataset<Row> & Located;
  readonly #settings: PictureSettings;
  readonly #pictures: SamplePictures;

  readonly prefetch?: (indices: IndexArray, epoch: number) => unknown;

  /** @throws {@link ConfigError} if the steps are in an impossible order */
  constructor(rows: Dataset<unknown>, settings: PictureSettings) {
    this.#rows = rows as Dataset<Row>;
    this.#settings = settings;
    this.#pictures = new SamplePictures(columnPictures('openDataset options'), settings);
    if (rows.prefetch) this.prefetch = rows.prefetch.bind(rows);
  }

  get length(): number {
    return this.#rows.length;
  }

  get shardLengths(): readonly number[] | undefined {
    return this.#rows.shardLengths;
  }

  get decodesShards(): boolean {
    return this.#rows.decodesShards ?? false;
  }

  /** @throws what reading the row throws; {@link ConfigError} unless one column is a picture; {@link FormatError} if it is damaged */
  get(index: number, context: SampleContext = sampleContext(index)): MaybePromise<Row> {
    return andThen(this.#rows.get(index, context), (row) => {
      const { file, row: number = index } = this.placeOf(index);
      const place = file === undefined ? `row ${number}` : `row ${number} of ${file}`;
      return this.#pictures.apply(row, place, context);
    });
  }

  /** @internal Where a row is stored, for errors. */
  placeOf(index: number): ErrorLocation {
    return this.#rows.placeOf?.(index) ?? {};
  }

  /** @internal */
  get imageSteps(): PictureSettings['steps'] {
    return this.#settings.steps;
  }

  /** @internal */
  afterSteps(count: number): PictureRows {
    const { steps, ...settings } = this.#settings;
    return new PictureRows(this.#rows, { ...settings, steps: steps.slice(0, count) });
  }

  fingerprint(): string {
    return fingerprint({
      kind: 'PictureRows',
      parent: this.#rows.fingerprint?.() ?? null,
      pictures: pictureIdentity(this.#settings),
    });
  }

  /** @throws {@link WorkerTransferError} if a step is a function */
  [toRecipe](): Recipe {
    movableSteps(this.#settings.steps);
    const args: PictureRowsRecipe = { rows: recipeOf(this.#rows, 'dataset'), pictures: this.#settings };
    return { builtIn: 'PictureRows', args };
  }

  static async fromRecipe({ rows, pictures }: PictureRowsRecipe, make: MakeFromRecipe): Promise<PictureRows> {
    return new PictureRows(await make<Dataset<unknown>>(rows), pictures);
  }

  close(): void | Promise<void> {
    return this.#rows.close?.();
  }
}
