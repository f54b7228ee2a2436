import type { ChatLayout } from './chat-layout.js';
import type { ChatMessage } from './chat-template.js';
import { imagesOf, placeImages } from './image-references.js';
import {
  isAbsent,
  messagesOf,
  optionalText,
  shareGptMessages,
  textOf,
  toolsOf,
  wrongField,
} from './row-fields.js';

type Row = Readonly<Record<string, unknown>>;

/** What a row of fine-tuning data says, whatever its columns are. */
export type Conversation = MessagesConversation | CompletionText | PlainText;

export interface MessagesConversation {
  readonly kind: 'messages';
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[] | undefined;
  /** Messages before this one are a prompt, which is not trained on. */
  readonly promptLength: number;
  /** References to the images that the messages show, in order: paths, URLs, or the bytes of the images. */
  readonly images: readonly unknown[] | undefined;
}

export interface CompletionText {
  readonly kind: 'completion';
  readonly prompt: string;
  readonly completion: string;
}

export interface PlainText {
  readonly kind: 'text';
  readonly text: string;
}

/**
 * Reads a row as a conversation.
 *
 * @throws {@link FormatError} naming the field that is not as its layout has it.
 */
export function conversationOf(row: Row, layout: ChatLayout): Conversation {
  switch (layout) {
    case 'messages':
      return withMessages(row, messagesOf(row.messages, 'messages'));
    case 'sharegpt':
      return withMessages(row, [...systemOf(row), ...shareGptMessages(row.conversations)]);
    case 'instruction':
      return withMessages(row, instructionMessages(row));
    case 'text':
      return { kind: 'text', text: textOf(row.text, 'text') };
    case 'prompt-completion':
      return continued(row, row.prompt, row.completion, 'completion');
    default:
      throw wrongField('prompt', 'is missing');
  }
}

/**
 * The two conversations of a preference pair. With a column `prompt`, both continue it. Otherwise chosen and rejected are whole
 * conversations, and everything up to their last turn is the prompt.
 *
 * @throws {@link FormatError} if the conversations differ before their last turn, or are texts without a prompt.
 */
export function preferencePairOf(row: Row): readonly [chosen: Conversation, rejected: Conversation] {
  if (!isAbsent(row.prompt)) {
    return [
      continued(row, row.prompt, row.chosen, 'chosen'),
      continued(row, row.prompt, row.rejected, 'rejected'),
    ];
  }
  if (typeof row.chosen === 'string')
    throw wrongField('prompt', 'is missing: texts do not say where the answer begins');
  const [chosen, rejected] = [messagesOf(row.chosen, 'chosen'), messagesOf(row.rejected, 'rejected')];
  const prompt = chosen.slice(0, -1);
  if (prompt.length === 0 || JSON.stringify(prompt) !== JSON.stringify(rejected.slice(0, -1)))
    throw wrongField('rejected', 'differs from chosen before the last turn, so they share no prompt');
  return [
    withMessages(row, chosen, prompt.length),
    withMessages(row, [...prompt, ...rejected.slice(-1)], prompt.length),
  ];
}

/**
 * The prompt of a row, for the model to continue: the column `prompt`, or else the conversation without its last answer.
 *
 * @throws {@link FormatError} naming the field that is not as its layout has it.
 */
export function promptOf(row: Row, layout: ChatLayout): PlainText | MessagesConversation {
  if (!isAbsent(row.prompt)) {
    if (typeof row.prompt === 'string') return { kind: 'text', text: row.prompt };
    return withMessages(row, messagesOf(row.prompt, 'prompt'));
  }
  const read = layout === 'preference' ? preferencePairOf(row)[0] : conversationOf(row, layout);
  if (read.kind === 'completion') return { kind: 'text', text: read.prompt };
  if (read.kind === 'text') return read;
  const ends = read.messages.at(-1)?.role === 'assistant';
  return ends ? { ...read, messages: read.messages.slice(0, -1) } : read;
}

/** A prompt with its continuation: both texts, or both messages. */
function continued(row: Row, prompt: unknown, answer: unknown, field: string): Conversation {
  if (typeof prompt === 'string') return { kind: 'completion', prompt, completion: textOf(answer, field) };
  const before = messagesOf(prompt, 'prompt');
  // An answer as a text is one assistant turn.
  const after =
    typeof answer === 'string' ? [{ role: 'assistant', content: answer }] : messagesOf(answer, field);
  return withMessages(row, [...before, ...after], before.length);
}

function withMessages(row: Row, messages: readonly ChatMessage[], promptLength = 0): MessagesConversation {
  const images = imagesOf(row, messages);
  return {
    kind: 'messages',
    messages: images ? placeImages(messages, images) : messages,
    tools: toolsOf(row.tools),
    promptLength,
    images,
  };
}

function systemOf(row: Row): ChatMessage[] {
  const system = optionalText(row.system, 'system');
  return system === '' ? [] : [{ role: 'system', content: system }];
}

function instructionMessages(row: Row): ChatMessage[] {
  const instruction = textOf(row.instruction, 'instruction');
  const input = optionalText(row.input, 'input');
  return [
    ...systemOf(row),
    { role: 'user', content: input === '' ? instruction : `${instruction}\n\n${input}` },
    { role: 'assistant', content: textOf(row.output, 'output') },
  ];
}
