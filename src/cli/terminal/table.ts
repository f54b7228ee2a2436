import { stripVTControlCharacters } from 'node:util';

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Alignment of the cells; use `'right'` for numbers. @defaultValue `'left'` */
  readonly align?: 'left' | 'right';
}

/**
 * Renders a table for a terminal. Cells may contain color codes.
 *
 * @returns Lines joined by line breaks, without a trailing one.
 */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, column) =>
    Math.max(shownWidth(title), ...rows.map((row) => shownWidth(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align = 'left' }, column) => padCell(cells[column] ?? '', widths[column]!, align))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line)].join('\n');
}

function padCell(cell: string, width: number, align: 'left' | 'right'): string {
  const padding = ' '.repeat(width - shownWidth(cell));
  return align === 'left' ? cell + padding : padding + cell;
}

function shownWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
