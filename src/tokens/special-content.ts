// Special tokens in the content of messages. A message that contains `<|im_end|>` ends the turn for the model, as in Hugging Face.
// These functions find such tokens, or break them up while a conversation is rendered so that they are encoded as text.

import { FormatError } from '../core/errors.js';
import { propertyOf } from '../core/property-of.js';
import { isRecord } from '../core/record.js';
import type { MaskedChat, TextRange } from './chat-labels.js';
import type { ChatMessage } from './chat-template.js';

/** What happens to special tokens that a message's content contains. */
export type SpecialTokensInContent = 'token' | 'text' | 'error';

/** A noncharacter that breaks up a special token. Text never contains it: Unicode reserves it for such use. */
const mark = '\ufdd2';

/** A masked conversation whose special tokens at `textAt` came from the content of messages. */
export interface TextWithContentTokens extends MaskedChat {
  readonly textAt: ReadonlySet<number>;
}

/** @throws {@link FormatError} naming turn and token if the content of a message contains a special token. */
export function refuseSpecialTokens(
  messages: readonly ChatMessage[],
  specialTokens: readonly string[],
): void {
  for (const [turn, { content }] of messages.entries()) {
    const found = specialTokens.find((token) => textsOf(content).some((text) => text.includes(token)));
    if (found === undefined) continue;
    throw new FormatError('The content of a message contains a special token', {
      where: { turn, token: found },
      next: "Remove the token, or set specialTokensInContent to 'text' to encode it like other text.",
    });
  }
}

/** The messages with every special token in their content broken up by a mark after its first character. */
export function breakSpecialTokens(
  messages: readonly ChatMessage[],
  specialTokens: readonly string[],
): readonly ChatMessage[] {
  const broken = (text: string): string =>
    specialTokens.reduce((joined, token) => joined.replaceAll(token, token[0] + mark + token.slice(1)), text);
  return messages.map((message) => ({ ...message, content: mapTexts(message.content, broken) }));
}

/** Joins what {@link breakSpecialTokens} broke up, and says where. */
export function joinSpecialTokens({ text, trained }: MaskedChat): TextWithContentTokens {
  const marks: number[] = [];
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) marks.push(at);
  // Ranges and marks both ascend.
  let before = 0;
  const joined = (position: number): number => {
    while (before < marks.length && marks[before]! < position) before += 1;
    return position - before;
  };
  return {
    text: text.replaceAll(mark, ''),
    trained: trained.map(([start, end]): TextRange => [joined(start), joined(end)]),
    textAt: new Set(marks.map((at, k) => at - k - 1)),
  };
}

/** The texts of a content. */
export function textsOf(content: unknown): readonly string[] {
  if (typeof content === 'string') return [content];
  return Array.isArray(content) ? content.flatMap((part) => textsOf(propertyOf(part, 'text'))) : [];
}

/** A content is a text, or a list of parts of which some have a text. */
function mapTexts(content: unknown, change: (text: string) => string): unknown {
  if (typeof content === 'string') return change(content);
  if (!Array.isArray(content)) return content;
  return content.map((part: unknown) => {
    return isRecord(part) && typeof part.text === 'string' ? { ...part, text: change(part.text) } : part;
  });
}
