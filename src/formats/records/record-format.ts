import { andThen, mapError } from '../../core/maybe-promise.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import { messageOf } from '../../core/thrown.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { openDataFiles } from '../data-files.js';
import { FileDataset, type FileRecipe, type FormatModule } from '../file-dataset.js';
import {
  type DataFiles,
  defineFormat,
  type FileFormat,
  type FormatDefinition,
  type FormatOptions,
} from '../file-format.js';
import { RecordFiles, type RecordFilesRecipe } from './record-files.js';

/** A format whose files hold records end to end, as {@link recordFormat} takes it. */
export interface RecordFormat<Name extends string, T>
  extends Pick<FormatDefinition<Name, DataFiles, never>, 'name' | 'endings' | 'magic'> {
  /** URL of the module that exports the format, from which workers import it: `import.meta.url`. */
  readonly module: string;
  /** Name of that export. @defaultValue `'default'` */
  readonly export?: string;
  /** Finds the records of a file. Returns shape `[n + 1]`: the byte offset of each record, and the end of the last one. */
  findRecords(source: ByteSource): Promise<Float64Array>;
  /** Makes the sample of a record. The bytes are valid until it returns. What it throws becomes a {@link FormatError}. */
  decode(record: Uint8Array): T | Promise<T>;
}

/**
 * Defines a format by how its records are found and decoded. {@link registerFormat} adds it to those that `openDataset` detects.
 *
 * ```ts
 * export default recordFormat({
 *   name: 'fasta',
 *   endings: ['.fasta'],
 *   module: import.meta.url,
 *   findRecords,
 *   decode: (record) => new TextDecoder().decode(record),
 * });
 * ```
 */
export function recordFormat<const Name extends string, T>(format: RecordFormat<Name, T>): FileFormat<Name> {
  const module: FormatModule = { module: format.module, export: format.export ?? 'default' };
  return defineFormat({
    name: format.name,
    endings: format.endings,
    ...(format.magic && { magic: format.magic }),
    dataset: format.name,
    load: async () => ({
      async open(files: DataFiles, options: FormatOptions): Promise<RecordDataset<T>> {
        const sources = await openDataFiles(files, format.name, options);
        const records = await RecordFiles.open(format.name, sources, format.findRecords);
        return new RecordDataset(format, records, module);
      },
      async fromRecipe(
        { rows }: FileRecipe<RecordFilesRecipe>,
        make: MakeFromRecipe,
      ): Promise<RecordDataset<T>> {
        return new RecordDataset(format, await RecordFiles.fromRecipe(rows, make), module);
      },
    }),
  });
}

/** The samples of a {@link recordFormat}. */
class RecordDataset<T> extends FileDataset<T, RecordFiles, null> {
  readonly #format: Pick<RecordFormat<string, T>, 'decode'>;

  constructor(format: RecordFormat<string, T>, records: RecordFiles, module: FormatModule) {
    super(format.name, records, null, module);
    this.#format = format;
  }

  get(index: number): T | Promise<T> {
    return andThen(this.rows.bytes(index), (bytes) =>
      mapError(
        () => this.#format.decode(bytes),
        (cause) => this.rows.damaged(index, `cannot be decoded: ${messageOf(cause)}`, cause),
      ),
    );
  }
}
