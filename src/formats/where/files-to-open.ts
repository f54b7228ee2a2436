import type { FileConstants } from '../file-format.js';
import { type ColumnBounds, mayPass } from './column-bounds.js';
import type { RowChoice } from './select-rows.js';

/**
 * The files that a condition does not rule out by what is known about them: their places among all files. If it rules out all, the
 * first, since an empty dataset has the columns of a file.
 *
 * @param boundsOf - What is known about the values of a column in a file. @defaultValue nothing
 */
export function filesToOpen(
  choice: RowChoice | undefined,
  constants: FileConstants,
  boundsOf: (file: number, column: string) => readonly ColumnBounds[] = () => [],
): readonly number[] {
  const all = constants.values.map((_, k) => k);
  if (!choice) return all;
  const kept = all.filter((k) => {
    const rest = choice.inFile(k, constants);
    return typeof rest === 'boolean' ? rest : mayPass(rest, (column) => boundsOf(k, column));
  });
  return kept.length > 0 ? kept : all.slice(0, 1);
}
