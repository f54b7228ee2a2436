import pLimit from 'p-limit';
import { firstAbove } from '../../core/first-above.js';
import { chooseColumns } from '../choose-columns.js';
import type { FileConstants } from '../file-format.js';
import { SharedNumbers } from '../records/shared-numbers.js';
import { allColumns, RowChoice } from '../where/select-rows.js';
import { passes, readField, rootColumn } from '../where/test-row.js';
import { type Where, type WhereNode, whereColumns, whereJson } from '../where/where.js';
import type { TableFile, TableSettings, TableShard } from './table-rows.js';
import { rowCountOf } from './table-rows.js';

/** Most files whose rows are tested at once. */
const testedTogether = 8;

/** What a user wants of a table, and what folder names say about its files. */
export interface TableChoice {
  readonly columns: readonly string[] | undefined;
  readonly where: Where | undefined;
  readonly constants: FileConstants | undefined;
}

/** Tables with their chosen columns and rows. */
export interface ChosenRows<S> {
  readonly shards: readonly S[];
  readonly columns: readonly string[];
  readonly node: WhereNode | undefined;
}

/** What the dataset keeps of a choice. */
export function settingsOf(
  { columns, node }: ChosenRows<unknown>,
  constants: FileConstants | undefined,
): Pick<TableSettings, 'columns' | 'where' | 'constants'> {
  return {
    columns,
    ...(node && { where: whereJson(node) }),
    ...(constants && { constants: constants.columns }),
  };
}

/**
 * Chooses columns and rows of opened tables. Reads the columns that `where` tests.
 *
 * @param stored - Names of all columns of the files.
 * @throws {@link ConfigError} for a column that is not there, or a comparison of values of different kinds
 */
export async function chooseRows<S extends TableShard<TableFile>>(
  owner: string,
  shards: readonly S[],
  stored: readonly string[],
  { columns, where, constants }: TableChoice,
): Promise<ChosenRows<S>> {
  const available = allColumns(stored, constants);
  const chosen = chooseColumns({ owner }, columns, available);
  const choice = where && RowChoice.of(owner, where, available);
  const limit = pLimit(testedTogether);
  const narrowed = await Promise.all(
    shards.map(async (shard, k) => {
      const known = { ...shard, ...(constants && { constants: constants.values[k]! }) };
      const rest = choice?.inFile(k, constants) ?? true;
      if (!choice || rest === true) return known;
      if (rest === false) return { ...known, rows: new Float64Array(0) };
      const rows = await limit(() => rowsThatPass(shard.file, choice, rest, stored));
      return { ...known, rows: shard.rows ? inBoth(rows, shard.rows) : rows };
    }),
  );
  return { shards: narrowed, columns: chosen, node: choice?.node };
}

/** The numbers that are in both of two ascending lists. */
function inBoth(some: Float64Array, others: Float64Array): Float64Array {
  const both = new SharedNumbers();
  for (const number of some) if (others[firstAbove(others, number) - 1] === number) both.push(number);
  return both.shared();
}

async function rowsThatPass(
  file: TableFile,
  choice: RowChoice,
  node: WhereNode,
  stored: readonly string[],
): Promise<Float64Array> {
  const names = [...new Set(whereColumns(node).map((name) => rootColumn(name, stored)))];
  const rows = new SharedNumbers();
  const end = rowCountOf(file);
  const candidates = (await file.rangesThatMayPass?.(node)) ?? [{ rowStart: 0, rowEnd: end }];
  for (const { rowStart, rowEnd } of candidates) {
    for (let start = rowStart; start < rowEnd; ) {
      const block = firstAbove(file.bounds, start) - 1;
      const blockEnd = Math.min(rowEnd, file.bounds[block + 1]!);
      const { columns, start: first } = await file.readBlock(block, names);
      let at = start;
      const read = (name: string): unknown => {
        const k = names.indexOf(name);
        if (k >= 0) return columns[k]!(at - first);
        const root = rootColumn(name, stored);
        const value = columns[names.indexOf(root)]!(at - first);
        return readField({ [root]: value }, name);
      };
      for (; at < blockEnd; at++)
        if (
          choice.explained(
            () => passes(node, read),
            () => ({ file: file.source.name, row: at }),
          )
        )
          rows.push(at);
      start = blockEnd;
    }
  }
  return rows.shared();
}
