import { type Content, html, type Markup } from './html.js';

/** A table of numbers: the first column names the row. */
export interface NumberTable {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Content[])[];
}

/** A table that scrolls sideways where it is too wide, by keyboard as well. */
export function renderTable({ caption, columns, rows }: NumberTable): Markup {
  const head = columns.map((column) => html`<th scope="col">${column}</th>`);
  const body = rows.map(
    ([name, ...cells]) =>
      html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  );
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** The numbers behind a chart, folded away. */
export function renderNumbers(table: NumberTable): Markup {
  return html`<details><summary>Numbers</summary>${renderTable(table)}</details>`;
}
