import type { MaybePromise } from '../../core/maybe-promise.js';
import type { FileConstants } from '../file-format.js';
import { Pace } from '../tables/pace.js';
import type { RowChoice } from '../where/select-rows.js';
import { passes, type ReadColumn } from '../where/test-row.js';
import type { RecordFiles } from './record-files.js';
import { SharedNumbers } from './shared-numbers.js';

/** Records that are tested before other work may run. */
const testedAtOnce = 256;

/**
 * Chooses records of files, and adds the columns of folder names. Reads the records of files that are not decided by these.
 *
 * @param read - Reads the columns of a record.
 * @throws {@link ConfigError} for a comparison of values of different kinds; what `read` throws
 */
export async function chooseRecords(
  records: RecordFiles,
  choice: RowChoice | undefined,
  constants: FileConstants | undefined,
  read: (index: number) => MaybePromise<ReadColumn>,
): Promise<RecordFiles> {
  if (!choice && !constants) return records;
  const pace = new Pace();
  const narrowed: { rows?: Float64Array; constants?: FileConstants['values'][number] }[] = [];
  let start = 0;
  for (const [file, length] of records.shardLengths.entries()) {
    const known = constants && { constants: constants.values[file]! };
    const rest = choice?.inFile(file, constants) ?? true;
    if (!choice || rest === true) narrowed.push({ ...known });
    else {
      const rows = new SharedNumbers();
      for (let row = 0; rest !== false && row < length; row++) {
        const index = start + row;
        if (row % testedAtOnce === 0) await pace.rest();
        const column = await read(index);
        const where = () => records.place(index);
        if (choice.explained(() => passes(rest, column), where)) rows.push(row);
      }
      narrowed.push({ ...known, rows: rows.shared() });
    }
    start += length;
  }
  return records.narrowed(narrowed);
}
