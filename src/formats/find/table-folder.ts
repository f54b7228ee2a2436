import { ConfigError } from '../../core/errors.js';
import type { FormatName } from '../format-table.js';

/** Files by which a folder is a table whose log says which other files are its data. */
const marks = [
  { format: 'delta', name: 'Delta', mark: /^_delta_log\/\d{20}\.(json|checkpoint.*parquet)$/ },
  { format: 'iceberg', name: 'Iceberg', mark: /^metadata\/[^/]*\.metadata\.json(\.gz)?$/ },
  { format: 'lance', name: 'Lance', mark: /^_versions\/[^/]*\.manifest$/ },
] as const;

/**
 * The format of a folder that is a table with a log. Its data files are never read by themselves: some may belong to other versions.
 *
 * @param names - Of the files, relative to the folder.
 * @returns `undefined` if it is none
 * @throws {@link ConfigError} for a folder of several tables
 */
export function tableOfFolder(folder: string, names: readonly string[]): FormatName | undefined {
  for (const { format, name, mark } of marks) {
    if (names.some((file) => mark.test(file))) return format;
    const inner = names.find((file) => {
      const parts = file.split('/');
      return parts.some((_, k) => k > 0 && mark.test(parts.slice(k).join('/')));
    });
    if (inner !== undefined)
      throw new ConfigError(
        'Data files',
        [{ field: 'files', message: `${folder} holds tables of ${name}, such as that of ${inner}` }],
        { next: 'Name one table. To read the files of one format all the same, name it: { format }.' },
      );
  }
  return undefined;
}
