import type { Dataset } from '../core/dataset.js';
import type { MakeFromRecipe, Recipe } from '../core/recipe.js';
import type { StorageOptions } from '../storage/storage-options.js';
import type { Tokenize } from '../tokens/tokenize.js';
import type { MapFunction } from './map/map-function.js';
import type { MapLimits } from './map/map-limits.js';
import type { TypedColumn } from './parquet-types.js';
import type { PartWriter } from './part.js';
import type { TokenStorage } from './token-parts.js';

/** Start data from which a thread makes its part writer. */
export type PartWriterSetup =
  | {
      readonly to: 'tokens';
      readonly dataset: Recipe;
      readonly tokenize: Recipe;
      readonly storage: TokenStorage;
    }
  | { readonly to: 'parquet'; readonly dataset: Recipe; readonly columns: readonly TypedColumn[] }
  | { readonly to: 'jsonl'; readonly dataset: Recipe }
  | { readonly to: 'map'; readonly dataset: Recipe; readonly fn: Recipe; readonly limits: MapLimits }
  | { readonly to: 'webdataset'; readonly storage: StorageOptions };

/** Opens the input in this thread, and makes a writer of its parts. */
export async function makePartWriter(setup: PartWriterSetup, make: MakeFromRecipe): Promise<PartWriter> {
  switch (setup.to) {
    case 'tokens': {
      const { TokenParts } = await import('./token-parts.js');
      const [dataset, tokenize] = await Promise.all([
        make<Dataset<unknown>>(setup.dataset),
        make<Tokenize>(setup.tokenize),
      ]);
      return new TokenParts(dataset, tokenize, setup.storage);
    }
    case 'parquet': {
      const { ParquetParts } = await import('./parquet-parts.js');
      return new ParquetParts(await make<Dataset<unknown>>(setup.dataset), setup.columns);
    }
    case 'jsonl': {
      const { JsonlParts } = await import('./jsonl-parts.js');
      return new JsonlParts(await make<Dataset<unknown>>(setup.dataset));
    }
    case 'map': {
      const { MapParts } = await import('./map/map-parts.js');
      const [dataset, fn] = await Promise.all([
        make<Dataset<unknown>>(setup.dataset),
        make<MapFunction>(setup.fn),
      ]);
      return new MapParts(dataset, fn, setup.limits);
    }
    case 'webdataset': {
      const { TarParts } = await import('./tar-parts.js');
      return new TarParts(setup.storage);
    }
  }
}
