import { visibleText } from '../core/visible-text.js';

/** A column, or consecutively numbered columns shown as one. */
export interface ColumnRun {
  /** Safe for a terminal. */
  readonly name: string;
  readonly names: readonly string[];
  readonly type: string;
}

/** Shorter runs are shown column by column. */
const fewest = 4;

/** Joins adjacent columns of one type whose names end in consecutive numbers, such as the pixels of an image. */
export function columnRuns(
  columns: readonly { readonly name: string; readonly type: string }[],
): ColumnRun[] {
  const runs: ColumnRun[] = [];
  for (let start = 0; start < columns.length; ) {
    let end = start + 1;
    while (end < columns.length && follows(columns[end]!, columns[end - 1]!)) end++;
    if (end - start < fewest) end = start + 1;
    const names = columns.slice(start, end).map(({ name }) => name);
    const name = names.length === 1 ? names[0]! : `${names[0]} … ${names.at(-1)}`;
    runs.push({ name: visibleText(name), names, type: columns[start]!.type });
    start = end;
  }
  return runs;
}

function follows(column: { name: string; type: string }, before: { name: string; type: string }): boolean {
  const [, stem, number] = /^(.*?)(\d+)$/s.exec(before.name) ?? [];
  return (
    column.type === before.type && number !== undefined && column.name === `${stem}${Number(number) + 1}`
  );
}
