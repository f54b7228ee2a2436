import type { FileConstants } from '../file-format.js';
import type { RowChoice } from './select-rows.js';

/**
 * The files that a condition does not rule out by what is known about them: their places among all files. If it rules out all, the
 * first, since an empty dataset has the columns of a file.
 *
 * @param mayHold - What else is known about a file. @defaultValue nothing
 */
export function filesToOpen(
  choice: RowChoice | undefined,
  constants: FileConstants,
  mayHold: (file: number) => boolean = () => true,
): readonly number[] {
  const all = constants.values.map((_, k) => k);
  const kept = choice ? all.filter((k) => choice.inFile(k, constants) !== false && mayHold(k)) : all;
  return kept.length > 0 ? kept : all.slice(0, 1);
}
