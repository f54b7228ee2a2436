import { ConfigError, type ErrorLocation } from '../../core/errors.js';
import { type ColumnChoice, chooseColumns } from '../choose-columns.js';
import type { FileConstants } from '../file-format.js';
import { KindMismatch, rootColumn, whatRemains } from './test-row.js';
import { parseWhere, type Where, type WhereNode, whereColumns } from './where.js';

/** A choice of rows that is parsed and whose columns exist. */
export class RowChoice {
  readonly #owner: string;
  readonly node: WhereNode;

  private constructor(owner: string, node: WhereNode) {
    this.#owner = owner;
    this.node = node;
  }

  /**
   * @param owner - The dataset class, for messages.
   * @param available - All columns; `undefined` if each row has its own.
   * @throws {@link ConfigError} for an unknown comparison or column
   */
  static of(owner: string, where: Where, available: readonly string[] | undefined): RowChoice {
    const node = parseWhere(owner, where);
    if (available) {
      const choice: ColumnChoice = { owner, field: 'where' };
      const roots = whereColumns(node).map((name) => rootColumn(name, available));
      chooseColumns(choice, roots, available);
    }
    return new RowChoice(owner, node);
  }

  /**
   * What remains to be tested in a file: `true` if all its rows are chosen, `false` if none is.
   *
   * @param constants - What folder names say about the files.
   */
  inFile(file: number, constants: FileConstants | undefined): WhereNode | boolean {
    return this.explained(() => whatRemains(this.node, constants?.values[file] ?? {}));
  }

  /** Runs a test. @throws {@link ConfigError} if it compares values of different kinds */
  explained<T>(test: () => T, where: () => ErrorLocation = () => ({})): T {
    try {
      return test();
    } catch (cause) {
      if (!(cause instanceof KindMismatch)) throw cause;
      const problem = { field: `where.${cause.column}`, message: cause.message };
      throw new ConfigError(`${this.#owner} options`, [problem], { where: where(), cause });
    }
  }
}

/** The names of the columns of all files: those that they store, then those of folder names. */
export function allColumns(
  stored: readonly string[],
  constants: FileConstants | undefined,
): readonly string[] {
  const added = constants?.columns.map(({ name }) => name) ?? [];
  return [...stored, ...added.filter((name) => !stored.includes(name))];
}
