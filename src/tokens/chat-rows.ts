import type { Dataset } from '../core/dataset.js';
import { ConfigError } from '../core/errors.js';
import { ArrayDataset } from '../datasets/array-dataset.js';
import { sampleContext } from '../random/sample-context.js';
import { type ChatLayout, isAlwaysMessages } from './chat-layout.js';
import type { ChatRow } from './chat-reader.js';
import type { ChatTemplate } from './chat-template.js';
import { loadTokenizer } from './load-tokenizer.js';
import { chatTemplateOf } from './render-chat.js';
import { requireTokenizer, type TextTokenizer } from './text-tokenizer.js';

/** Rows, and what encodes them. */
export interface OpenedRows {
  readonly rows: Dataset<ChatRow>;
  readonly tokenizer: TextTokenizer;
  readonly layout: ChatLayout;
}

/**
 * Opens rows and their tokenizer, and finds the layout of the rows.
 *
 * @param layoutOf - The layout by the columns of the first row.
 */
export async function openRows(
  caller: string,
  rows: readonly ChatRow[] | Dataset<ChatRow>,
  given: TextTokenizer | string,
  layoutOf: (columns: readonly string[]) => ChatLayout,
): Promise<OpenedRows> {
  const tokenizer =
    typeof given === 'string' ? await loadTokenizer(given) : requireTokenizer(given, `${caller} options`);
  const source = 'get' in rows ? rows : new ArrayDataset(rows);
  if (source.length === 0)
    throw new ConfigError(caller, [
      { field: 'rows', message: 'must not be empty: the first row determines the layout' },
    ]);
  const columns = Object.keys(await source.get(0, sampleContext(0)));
  const layout = layoutOf(columns);
  return { rows: source, tokenizer, layout };
}

/**
 * The chat template of a layout whose rows are messages; `undefined` for plain text. Prompts and answers are either.
 *
 * @throws {@link ConfigError} if messages have no template.
 */
export async function templateFor(
  { layout, rows, tokenizer }: OpenedRows,
  given: string | undefined,
): Promise<ChatTemplate | undefined> {
  if (layout === 'text') return undefined;
  const isText =
    !isAlwaysMessages(layout) && typeof (await rows.get(0, sampleContext(0))).prompt === 'string';
  return isText ? undefined : chatTemplateOf(tokenizer, given);
}
