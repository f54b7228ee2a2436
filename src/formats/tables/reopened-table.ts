import type { MillraceError } from '../../core/errors.js';
import type { MakeFromRecipe } from '../../core/recipe.js';
import type { ByteSource } from '../../storage/byte-source.js';
import { closingOnError } from '../file-dataset.js';
import type { TableFile, TableRowsRecipe, TableShard } from './table-rows.js';

/** How a table that a package reads is opened. */
export interface TableOpening<File extends TableFile> {
  /** @param footer - That of the table in the other thread. */
  open(path: string, footer: unknown): Promise<File>;
  /** The fingerprint of its content. */
  versionOf(file: File): Promise<string>;
  /** The error for another content. */
  changed(path: string): MillraceError;
}

/** Opens the one table of a recipe by its path, since the package reads it. @throws what `open` throws, and `changed` */
export async function reopenedTable<File extends TableFile>(
  { shards }: TableRowsRecipe,
  make: MakeFromRecipe,
  { open, versionOf, changed }: TableOpening<File>,
): Promise<TableShard<File>> {
  const { source: recipe, footer, ...shard } = shards[0]!;
  const source = await make<ByteSource>(recipe);
  source.close();
  const file = await open(source.name, footer);
  return closingOnError([file.source], async () => {
    if ((await versionOf(file)) !== shard.fingerprint) throw changed(source.name);
    return { ...shard, file };
  });
}
