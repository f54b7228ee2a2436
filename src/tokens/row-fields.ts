// Reads the fields of a row of fine-tuning data. Each function throws a FormatError that names the field.

import { FormatError } from '../core/errors.js';
import { propertyOf } from '../core/property-of.js';
import type { ChatMessage } from './chat-template.js';

/** Roles of ShareGPT data by the names that its writers use. */
const shareGptRoles: ReadonlyMap<string, string> = new Map([
  ['human', 'user'],
  ['user', 'user'],
  ['gpt', 'assistant'],
  ['assistant', 'assistant'],
  ['chatgpt', 'assistant'],
  ['bing', 'assistant'],
  ['bard', 'assistant'],
  ['model', 'assistant'],
  ['system', 'system'],
  ['tool', 'tool'],
  ['function', 'tool'],
  ['function_call', 'assistant'],
  ['observation', 'tool'],
]);

/** A list of messages. */
export function messagesOf(value: unknown, field: string): ChatMessage[] {
  return listOf(value, field).map((message, index) => messageOf(message, `${field}.${index}`));
}

/** A list of ShareGPT turns, as messages. */
export function shareGptMessages(value: unknown): ChatMessage[] {
  return listOf(value, 'conversations').map((turn, index) => {
    const field = `conversations.${index}`;
    if (typeof turn !== 'object' || turn === null) throw wrongField(field, 'is not a turn: { from, value }');
    const from = propertyOf(turn, 'from');
    const content = propertyOf(turn, 'value');
    // Some writers call the column conversations and its fields role and content.
    if (from === undefined && 'role' in turn) return messageOf(turn, field);
    const role = shareGptRoles.get(String(from));
    if (role === undefined) {
      throw wrongField(
        `${field}.from`,
        `is ${JSON.stringify(from)}, not one of ${[...shareGptRoles.keys()].join(', ')}`,
      );
    }
    const text = textOf(content, `${field}.value`);
    const calls = from === 'function_call' ? toolCallsOf(text) : undefined;
    return calls ? { role, content: '', tool_calls: calls } : { role, content: text };
  });
}

function isMessage(value: object): value is ChatMessage {
  return typeof propertyOf(value, 'role') === 'string';
}

function messageOf(value: unknown, field: string): ChatMessage {
  if (typeof value !== 'object' || value === null)
    throw wrongField(field, 'is not a message: { role, content }');
  if (isMessage(value)) return value;
  throw wrongField(`${field}.role`, 'is not a text');
}

/** Tool calls that ShareGPT data holds as JSON, in the form that chat templates read; `undefined` for other text. */
function toolCallsOf(text: string): unknown[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  const calls: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  if (calls.length === 0 || !calls.every((call) => typeof propertyOf(call, 'name') === 'string'))
    return undefined;
  return calls.map((call) => ({ type: 'function', function: call }));
}

/** The tools of a row, if it has any. Tables hold them as JSON text. */
export function toolsOf(value: unknown): readonly unknown[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') return listOf(value, 'tools');
  if (value.trim() === '') return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch (cause) {
    throw wrongField('tools', `is not JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
  return listOf(parsed, 'tools');
}

export function listOf(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrongField(field, 'is not a list');
  return value;
}

export function textOf(value: unknown, field: string): string {
  if (typeof value !== 'string')
    throw wrongField(field, `is ${value === null ? 'null' : typeof value}, not a text`);
  return value;
}

/** A text, or `''` if the row has none. */
export function optionalText(value: unknown, field: string): string {
  return isAbsent(value) ? '' : textOf(value, field);
}

export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

export function wrongField(field: string, what: string): FormatError {
  return new FormatError(`The row is not a conversation: ${field} ${what}`, {
    where: { field },
    next: 'Fix the row, or map the rows to { messages: [{ role, content }, …] }.',
  });
}
