import { type Content, html, type Markup } from './html.js';

/** A table of numbers: the first column names the row. */
export interface NumberTable {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Content[])[];
}

/** Renders a table. A wide table scrolls sideways, by keyboard too. */
export function renderTable({ caption, columns, rows }: NumberTable): Markup {
  const head = columns.map((column) => html`<th scope="col">${column}</th>`);
  const body = rows.map(
    ([name, ...cells]) =>
      html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`,
  );
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** Renders the numbers of a chart, folded by default. */
export function renderNumbers(table: NumberTable): Markup {
  return html`<details><summary>Numbers</summary>${renderTable(table)}</details>`;
}
