import type { Dataset, IndexArray, SampleContext } from '../core/dataset.js';
import { ConfigError, FormatError, WorkerTransferError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { andThen, type MaybePromise } from '../core/maybe-promise.js';
import { hasMethod, propertyOf } from '../core/property-of.js';
import {
  isMovable,
  type MakeFromRecipe,
  type Movable,
  type Recipe,
  recipeOf,
  toRecipe,
} from '../core/recipe.js';
import type { Located } from './file-dataset.js';

/** What a validator says about a value, as Standard Schema defines it. */
type Verdict<T> =
  | { readonly value: T; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/** A validator of any library that implements Standard Schema (https://standardschema.dev): zod, valibot, arktype. */
export interface StandardSchema<T> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Verdict<T> | Promise<Verdict<T>>;
    readonly types?: { readonly input: unknown; readonly output: T } | undefined;
  };
}

/** A validator that each thread imports: what `workerFunction` returns. */
export interface SchemaModule extends Movable {
  readonly module: string;
  readonly exportName: string;
  load(): Promise<unknown>;
}

/** Samples of another dataset, checked and perhaps changed by a validator when they are read. */
export class CheckedDataset<T> implements Dataset<T>, Movable {
  readonly #dataset: Dataset<unknown> & Located;
  readonly #schema: StandardSchema<T> | SchemaModule;
  #loaded: StandardSchema<T> | undefined;

  readonly prefetch?: (indices: IndexArray, epoch: number) => unknown;

  /** @throws {@link ConfigError} if `schema` is not a validator of version 1, or the name of one */
  constructor(dataset: Dataset<unknown>, schema: StandardSchema<T> | SchemaModule) {
    this.#dataset = dataset;
    this.#schema = schema;
    if (!isSchemaModule(schema)) this.#loaded = checkedSchema(schema);
    if (dataset.prefetch) this.prefetch = dataset.prefetch.bind(dataset);
  }

  get length(): number {
    return this.#dataset.length;
  }

  get shardLengths(): readonly number[] | undefined {
    return this.#dataset.shardLengths;
  }

  get decodesShards(): boolean {
    return this.#dataset.decodesShards ?? false;
  }

  /** @throws {@link FormatError} if the sample does not fit the schema */
  get(index: number, context: SampleContext): MaybePromise<T> {
    const schema = this.#loaded ?? this.#load();
    return andThen(this.#dataset.get(index, context), (sample) =>
      andThen(schema, ({ '~standard': standard }) =>
        andThen(standard.validate(sample), (verdict) => {
          if (verdict.issues) throw this.#misfit(index, verdict.issues);
          return verdict.value;
        }),
      ),
    );
  }

  async #load(): Promise<StandardSchema<T>> {
    const schema = isSchemaModule(this.#schema) ? await this.#schema.load() : this.#schema;
    this.#loaded = checkedSchema(schema);
    return this.#loaded;
  }

  #misfit(index: number, issues: (Verdict<T> & { issues: object })['issues']): FormatError {
    const found = issues.slice(0, 3).map(({ message, path }) => {
      const steps = path?.map((step) => String(typeof step === 'object' ? step.key : step)) ?? [];
      return { field: steps.join('.'), message };
    });
    const problems = found.map(({ field, message }) => (field ? `${field}: ${message}` : message));
    const more = issues.length > 3 ? ` and ${issues.length - 3} more` : '';
    const place = this.#dataset.placeOf?.(index);
    return new FormatError(`Sample ${index} does not fit the schema: ${problems.join('; ')}${more}`, {
      where: { index, ...place, ...(found[0]?.field && { field: found[0].field }) },
      next: 'Fix the row, or change the schema.',
    });
  }

  /** Identifies the samples, and the schema by its module or else by its library: what a schema does to samples does not count. */
  fingerprint(): string {
    const schema = this.#schema;
    return fingerprint({
      kind: 'CheckedDataset',
      parent: this.#dataset.fingerprint?.() ?? null,
      schema: isSchemaModule(schema) ? `${schema.module}#${schema.exportName}` : schema['~standard'].vendor,
    });
  }

  /** @throws {@link WorkerTransferError} if the schema is not named by its module */
  [toRecipe](): Recipe {
    if (!isMovable(this.#schema))
      throw new WorkerTransferError('The schema cannot be moved into a worker', {
        next:
          "Export it from a module of its own and name that: { schema: workerFunction(new URL('./schema.js', import.meta.url), " +
          "{ export: 'schema' }) }; or keep everything on the main thread with numWorkers: 0.",
      });
    return {
      builtIn: 'CheckedDataset',
      args: { dataset: recipeOf(this.#dataset, 'dataset'), schema: recipeOf(this.#schema, 'schema') },
    };
  }

  static async fromRecipe(
    args: { readonly dataset: Recipe; readonly schema: Recipe },
    make: MakeFromRecipe,
  ): Promise<CheckedDataset<unknown>> {
    const [dataset, schema] = await Promise.all([
      make<Dataset<unknown>>(args.dataset),
      make<StandardSchema<unknown>>(args.schema),
    ]);
    return new CheckedDataset(dataset, schema);
  }

  close(): void | Promise<void> {
    return this.#dataset.close?.();
  }
}

function isSchemaModule(schema: object): schema is SchemaModule {
  return isMovable(schema) && hasMethod(schema, 'load');
}

function isStandardSchema<T>(schema: unknown): schema is StandardSchema<T> {
  const standard = propertyOf(schema, '~standard');
  return propertyOf(standard, 'version') === 1 && hasMethod(standard, 'validate');
}

function checkedSchema<T>(schema: unknown): StandardSchema<T> {
  if (isStandardSchema<T>(schema)) return schema;
  throw new ConfigError('openDataset options', [
    {
      field: 'schema',
      message: 'must be a validator with ~standard, of version 1, as zod, valibot and arktype make them',
    },
  ]);
}
