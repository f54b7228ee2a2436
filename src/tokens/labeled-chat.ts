import { FormatError } from '../core/errors.js';
import { ignoredLabel, labelsOf, maskChat, type TrainOn } from './chat-labels.js';
import type { ChatTemplate } from './chat-template.js';
import type { Conversation } from './conversation.js';
import {
  breakSpecialTokens,
  joinSpecialTokens,
  refuseSpecialTokens,
  type SpecialTokensInContent,
  type TextWithContentTokens,
} from './special-content.js';
import type { TextTokenizer } from './text-tokenizer.js';

/** A conversation as ids and labels, before truncation. */
export interface LabeledChat {
  readonly ids: Int32Array;
  readonly labels: Int32Array;
  /** Messages of the conversation. */
  readonly turns: number;
}

/** How conversations are encoded and labeled. */
export interface LabelSettings {
  readonly tokenizer: TextTokenizer;
  /** Needed for messages. */
  readonly template: ChatTemplate | undefined;
  readonly trainOn: TrainOn;
  readonly specialTokensInContent: SpecialTokensInContent;
}

/**
 * Encodes a conversation and labels what is trained on.
 *
 * @throws {@link FormatError} if the template refuses the conversation or rewrites its history, or the content has special tokens
 *   that are refused.
 */
export function labelChat(conversation: Conversation, settings: LabelSettings): LabeledChat {
  const { tokenizer, trainOn } = settings;
  switch (conversation.kind) {
    case 'messages': {
      const { text, trained, textAt } = maskMessages(conversation, settings);
      const spans = tokenizer.spans(text, textAt);
      const labels = labelsOf(spans, trained);
      return { ids: Int32Array.from(spans.ids), labels, turns: conversation.messages.length };
    }
    case 'completion': {
      const { prompt, completion } = conversation;
      return labelText(tokenizer, prompt + completion, trainOn === 'all' ? 0 : prompt.length);
    }
    case 'text':
      return labelText(tokenizer, conversation.text, 0);
  }
}

function maskMessages(
  { messages, tools }: Conversation & { readonly kind: 'messages' },
  { tokenizer, template, trainOn, specialTokensInContent }: LabelSettings,
): TextWithContentTokens {
  const { eosToken, specialTokens } = tokenizer;
  if (specialTokensInContent === 'error') refuseSpecialTokens(messages, specialTokens);
  const shown = specialTokensInContent === 'text' ? breakSpecialTokens(messages, specialTokens) : messages;
  if (!template) throw textExpected();
  return joinSpecialTokens(maskChat({ template, messages: shown, tools, trainOn, eosToken }));
}

function textExpected(): FormatError {
  return new FormatError('The row has messages, but the first row has plain text', {
    next: 'Give all rows one layout: text, or messages.',
  });
}

/** Plain text, with exactly one BOS token if the tokenizer puts one before texts, and its end token once. */
function labelText(tokenizer: TextTokenizer, plain: string, trainedFrom: number): LabeledChat {
  const { bosToken, eosToken } = tokenizer;
  const text = eosToken === undefined || plain.endsWith(eosToken) ? plain : plain + eosToken;
  const spans = tokenizer.spans(text);
  const labels = labelsOf(spans, [[trainedFrom, text.length]]);
  const bos = bosToken === undefined ? undefined : tokenizer.idOf(bosToken);
  const addsBos = bos !== undefined && spans.ids[0] !== bos && tokenizer.encode('')[0] === bos;
  if (!addsBos) return { ids: Int32Array.from(spans.ids), labels, turns: 1 };
  return {
    ids: Int32Array.from([bos, ...spans.ids]),
    labels: Int32Array.from([ignoredLabel, ...labels]),
    turns: 1,
  };
}
