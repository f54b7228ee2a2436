import { ConfigError, FormatError } from '../core/errors.js';
import type { ChatMessage } from './chat-template.js';

/** What a row of fine-tuning data says, whatever its columns are. */
export type Conversation =
  | {
      readonly kind: 'messages';
      readonly messages: readonly ChatMessage[];
      readonly tools: readonly unknown[] | undefined;
    }
  | { readonly kind: 'completion'; readonly prompt: string; readonly completion: string }
  | { readonly kind: 'text'; readonly text: string };

/** The layouts of conversations that Millrace reads, with the columns that each needs. */
const layouts = {
  messages: ['messages'],
  sharegpt: ['conversations'],
  'prompt-completion': ['prompt', 'completion'],
  instruction: ['instruction', 'output'],
  preference: ['chosen', 'rejected'],
  text: ['text'],
} as const;

/** How the rows of a data set hold conversations. */
export type ChatLayout = keyof typeof layouts;

export const chatLayouts = Object.keys(layouts) as readonly ChatLayout[];

/**
 * The layout of rows by their columns.
 *
 * @throws {@link ConfigError} if no layout or several fit; the message lists them.
 */
export function detectChatLayout(columns: readonly string[]): ChatLayout {
  const fitting = chatLayouts.filter((layout) => layouts[layout].every((column) => columns.includes(column)));
  const [only] = fitting;
  if (fitting.length === 1) return only!;
  const known = chatLayouts.map((layout) => `${layout} (${layouts[layout].join(', ')})`).join('; ');
  throw new ConfigError('chat data', [
    {
      field: 'columns',
      message:
        fitting.length === 0
          ? `${columns.join(', ') || 'none'} fit no layout of conversations; known are ${known}`
          : `${columns.join(', ')} fit several layouts: ${fitting.join(', ')}; drop the columns of the others, or map the rows to { messages }`,
    },
  ]);
}

/** Roles of ShareGPT data by the names that its writers use. */
const shareGptRoles: ReadonlyMap<string, string> = new Map([
  ['human', 'user'],
  ['user', 'user'],
  ['gpt', 'assistant'],
  ['assistant', 'assistant'],
  ['chatgpt', 'assistant'],
  ['bing', 'assistant'],
  ['bard', 'assistant'],
  ['system', 'system'],
  ['tool', 'tool'],
  ['function', 'tool'],
  ['function_call', 'assistant'],
  ['observation', 'tool'],
]);

/**
 * Reads a row as a conversation.
 *
 * @throws {@link FormatError} naming the field that is not as its layout has it.
 */
export function conversationOf(row: Readonly<Record<string, unknown>>, layout: ChatLayout): Conversation {
  const tools = row.tools === undefined || row.tools === null ? undefined : toolsOf(row.tools);
  switch (layout) {
    case 'messages':
      return { kind: 'messages', messages: messagesOf(row.messages, 'messages'), tools };
    case 'sharegpt':
      return { kind: 'messages', messages: shareGptMessages(row.conversations), tools };
    case 'instruction':
      return { kind: 'messages', messages: instructionMessages(row), tools };
    case 'text':
      return { kind: 'text', text: textOf(row.text, 'text') };
    case 'prompt-completion':
      return promptCompletion(row, tools);
    case 'preference':
      throw new ConfigError('chat data', [
        { field: 'columns', message: 'chosen and rejected are preference pairs; use preferenceDataset(…)' },
      ]);
  }
}

function promptCompletion(
  { prompt, completion }: Readonly<Record<string, unknown>>,
  tools: readonly unknown[] | undefined,
): Conversation {
  if (typeof prompt === 'string' && typeof completion === 'string')
    return { kind: 'completion', prompt, completion };
  const messages = [...messagesOf(prompt, 'prompt'), ...messagesOf(completion, 'completion')];
  return { kind: 'messages', messages, tools };
}

function instructionMessages(row: Readonly<Record<string, unknown>>): ChatMessage[] {
  const instruction = textOf(row.instruction, 'instruction');
  const input = row.input === undefined || row.input === null ? '' : textOf(row.input, 'input');
  const system = row.system === undefined || row.system === null ? '' : textOf(row.system, 'system');
  return [
    ...(system === '' ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: input === '' ? instruction : `${instruction}\n\n${input}` },
    { role: 'assistant', content: textOf(row.output, 'output') },
  ];
}

function shareGptMessages(value: unknown): ChatMessage[] {
  return listOf(value, 'conversations').map((turn, index) => {
    const { from, value: content } = turn as { from?: unknown; value?: unknown };
    // Some writers call the column conversations and its fields role and content.
    if (from === undefined && 'role' in (turn as object)) return messageOf(turn, `conversations.${index}`);
    const role = shareGptRoles.get(String(from));
    if (role === undefined) {
      throw wrong(
        `conversations.${index}.from`,
        `is ${JSON.stringify(from)}, not one of ${[...shareGptRoles.keys()].join(', ')}`,
      );
    }
    return { role, content: textOf(content, `conversations.${index}.value`) };
  });
}

function messagesOf(value: unknown, field: string): ChatMessage[] {
  return listOf(value, field).map((message, index) => messageOf(message, `${field}.${index}`));
}

function messageOf(value: unknown, field: string): ChatMessage {
  if (typeof value !== 'object' || value === null) throw wrong(field, 'is not a message: { role, content }');
  const { role } = value as { role?: unknown };
  if (typeof role !== 'string') throw wrong(`${field}.role`, 'is not a text');
  return value as ChatMessage;
}

function toolsOf(value: unknown): readonly unknown[] {
  // Tables hold tools as JSON text.
  if (typeof value !== 'string') return listOf(value, 'tools');
  try {
    return listOf(JSON.parse(value), 'tools');
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw wrong('tools', `is not JSON: ${(cause as Error).message}`);
  }
}

function listOf(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(field, 'is not a list');
  return value;
}

function textOf(value: unknown, field: string): string {
  if (typeof value !== 'string')
    throw wrong(field, `is ${value === null ? 'null' : typeof value}, not a text`);
  return value;
}

function wrong(field: string, what: string): FormatError {
  return new FormatError(`The row is not a conversation: ${field} ${what}`, {
    where: { field },
    next: 'Fix the row, or map the rows to { messages: [{ role, content }, …] }.',
  });
}
