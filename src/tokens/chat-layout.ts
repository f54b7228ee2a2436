import { ConfigError } from '../core/errors.js';
import { keysOf } from '../core/record.js';

/** How rows hold conversations: the columns that a layout needs, and what it reads them as. */
const layouts = {
  messages: { columns: ['messages'], reads: 'messages with roles' },
  sharegpt: { columns: ['conversations'], reads: 'ShareGPT turns' },
  'prompt-completion': { columns: ['prompt', 'completion'], reads: 'a prompt and its completion' },
  instruction: { columns: ['instruction', 'output'], reads: 'an instruction, its input and its output' },
  preference: { columns: ['chosen', 'rejected'], reads: 'a chosen and a rejected answer' },
  rated: {
    columns: ['prompt', 'completion', 'label'],
    reads: 'a prompt and a completion that a label calls good or bad',
  },
  text: { columns: ['text'], reads: 'plain text' },
  prompt: { columns: ['prompt'], reads: 'a prompt without an answer' },
} as const;

/** How the rows of a data set hold conversations. */
export type ChatLayout = keyof typeof layouts;

const names: readonly ChatLayout[] = keysOf(layouts);

/** Columns of images: references in the order in which the conversation shows them. */
export const imageColumns = ['images', 'image'] as const;

/** The layouts that fit rows with these columns; several if the columns are ambiguous. */
function fittingLayouts(columns: readonly string[]): readonly ChatLayout[] {
  const fitting = names.filter((name) => layouts[name].columns.every((column) => columns.includes(column)));
  // A prompt is alone only if nothing else reads it.
  return fitting.length > 1 ? fitting.filter((name) => name !== 'prompt') : fitting;
}

/**
 * The layout of rows by their columns.
 *
 * @param readable - The layouts that the caller reads. @defaultValue all
 * @throws {@link ConfigError} if no layout or several fit; the message lists them.
 */
export function detectChatLayout(
  columns: readonly string[],
  readable: readonly ChatLayout[] = names,
): ChatLayout {
  const fitting = fittingLayouts(columns).filter((name) => readable.includes(name));
  if (fitting.length === 1) return fitting[0]!;
  const message =
    fitting.length === 0
      ? `${columns.join(', ') || 'none'} fit no layout of conversations; known are ${readable.map(withColumns).join('; ')}`
      : `${columns.join(', ')} fit several layouts: ${fitting.map(withColumns).join('; ')}; leave out the columns of the others (openDataset takes { columns }), or map the rows to { messages }`;
  throw new ConfigError('chat data', [{ field: 'columns', message }]);
}

/** Whether rows of a layout are messages whatever they hold; prompts and answers may be texts. */
export function isAlwaysMessages(layout: ChatLayout): boolean {
  return layout === 'messages' || layout === 'sharegpt' || layout === 'instruction';
}

/** Why `chatDataset` does not read a layout, and what to use instead. */
const readElsewhere: Partial<Readonly<Record<ChatLayout, string>>> = {
  preference: 'chosen and rejected are preference pairs; use preferenceDataset(…)',
  prompt: 'prompts without answers have nothing to train on; use promptDataset(…)',
};

/**
 * The layout of rows that are trained on as they are.
 *
 * @throws {@link ConfigError} as {@link detectChatLayout}, and for pairs and prompts.
 */
export function trainableLayout(columns: readonly string[]): ChatLayout {
  const layout = detectChatLayout(columns);
  const message = readElsewhere[layout];
  if (message !== undefined) throw new ConfigError('chat data', [{ field: 'columns', message }]);
  return layout;
}

/** The layout of rows of which only the prompt is read. */
export function promptLayout(columns: readonly string[]): ChatLayout {
  return columns.includes('prompt') ? 'prompt' : detectChatLayout(columns);
}

/**
 * Describes how rows with these columns are read as fine-tuning data: the layout, tools and images; all readings if several fit.
 *
 * @returns `undefined` if no layout fits.
 */
export function describeChatLayout(columns: readonly string[]): string | undefined {
  const fitting = fittingLayouts(columns);
  if (fitting.length === 0) return undefined;
  if (fitting.length > 1) return `ambiguous: ${fitting.map(withColumns).join('; ')}`;
  const extras = [
    ...(columns.includes('tools') ? ['tools'] : []),
    ...(imageColumns.some((column) => columns.includes(column)) ? ['images'] : []),
  ];
  return [`${fitting[0]}: ${layouts[fitting[0]!].reads}`, ...extras].join(', with ');
}

function withColumns(name: ChatLayout): string {
  return `${name} (${layouts[name].columns.join(', ')})`;
}
