import { FormatError } from '../core/errors.js';
import { ignoredLabel, labelsOf, maskChat } from './chat-labels.js';
import type { ChatEncoding, LabeledIds } from './chat-reader.js';
import type { Conversation, MessagesConversation } from './conversation.js';
import {
  breakSpecialTokens,
  joinSpecialTokens,
  refuseSpecialTokens,
  type TextWithContentTokens,
} from './special-content.js';
import type { TextTokenizer } from './text-tokenizer.js';
import type { TokenSpans } from './token-engine.js';

/** A conversation as ids and labels, before truncation, with the text that they encode. */
export interface LabeledChat extends LabeledIds {
  readonly text: string;
  /** The part of the text that each token covers. */
  readonly spans: TokenSpans;
}

/**
 * Encodes a conversation and labels what is trained on.
 *
 * @throws {@link FormatError} if the template refuses the conversation or rewrites its history, or the content has special tokens
 *   that are refused.
 */
export function labelChat(conversation: Conversation, encoding: ChatEncoding): LabeledChat {
  const { tokenizer, settings } = encoding;
  switch (conversation.kind) {
    case 'messages': {
      const { text, trained, textAt } = maskMessages(conversation, encoding);
      const spans = tokenizer.spans(text, textAt);
      const { images } = conversation;
      return {
        ids: Int32Array.from(spans.ids),
        labels: labelsOf(spans, trained),
        images,
        text,
        spans,
      };
    }
    case 'completion': {
      const { prompt, completion } = conversation;
      return labelText(tokenizer, prompt + completion, settings.trainOn === 'all' ? 0 : prompt.length);
    }
    case 'text':
      return labelText(tokenizer, conversation.text, 0);
  }
}

/**
 * Encodes a prompt for the model to continue. Messages end with the header of an assistant turn.
 *
 * @throws {@link FormatError} as {@link labelChat}.
 */
export function promptIds(
  prompt: Conversation & { readonly kind: 'messages' | 'text' },
  encoding: ChatEncoding,
): Int32Array {
  const { tokenizer, settings } = encoding;
  if (prompt.kind === 'text') {
    const before = leadingToken(tokenizer, prompt.text);
    return Int32Array.from([...before, ...tokenizer.encode(prompt.text, { addSpecialTokens: false })]);
  }
  const { messages, template } = checkedMessages(prompt, encoding);
  const { text } = template.render({
    messages,
    tools: prompt.tools,
    addGenerationPrompt: true,
    variables: settings.templateVariables,
  });
  const joined = joinSpecialTokens({ text, trained: [] });
  return Int32Array.from(tokenizer.spans(joined.text, joined.textAt).ids);
}

function maskMessages(conversation: MessagesConversation, encoding: ChatEncoding): TextWithContentTokens {
  const { tools, promptLength } = conversation;
  const { trainOn, templateVariables } = encoding.settings;
  const { messages, template } = checkedMessages(conversation, encoding);
  const { eosToken } = encoding.tokenizer;
  return joinSpecialTokens(
    maskChat({ template, messages, tools, promptLength, trainOn, eosToken, variables: templateVariables }),
  );
}

/** The template, and the messages with special tokens in their content treated as the settings say. */
function checkedMessages(
  { messages }: MessagesConversation,
  { tokenizer, template, settings }: ChatEncoding,
) {
  const { specialTokens } = tokenizer;
  if (settings.specialTokensInContent === 'error') refuseSpecialTokens(messages, specialTokens);
  if (!template) throw textExpected();
  const asText = settings.specialTokensInContent === 'text';
  return { template, messages: asText ? breakSpecialTokens(messages, specialTokens) : messages };
}

function textExpected(): FormatError {
  return new FormatError('The row has messages, but the first row has plain text', {
    next: 'Give all rows one layout: text, or messages.',
  });
}

/** Plain text, with exactly one BOS token if the tokenizer puts one before texts, and its end token once. */
function labelText(tokenizer: TextTokenizer, plain: string, trainedFrom: number): LabeledChat {
  const { eosToken } = tokenizer;
  const text = eosToken === undefined || plain.endsWith(eosToken) ? plain : plain + eosToken;
  const spans = tokenizer.spans(text);
  const before = leadingToken(tokenizer, text);
  // A BOS token covers nothing.
  const none = before.map(() => 0);
  return {
    ids: Int32Array.from([...before, ...spans.ids]),
    labels: Int32Array.from([
      ...before.map(() => ignoredLabel),
      ...labelsOf(spans, [[trainedFrom, text.length]]),
    ]),
    images: undefined,
    text,
    spans: {
      ids: [...before, ...spans.ids],
      starts: [...none, ...spans.starts],
      ends: [...none, ...spans.ends],
    },
  };
}

/** The BOS token, if the tokenizer puts one before texts and this text does not start with it. */
function leadingToken(tokenizer: TextTokenizer, text: string): number[] {
  const { bosToken } = tokenizer;
  if (bosToken === undefined || text.startsWith(bosToken)) return [];
  const bos = tokenizer.idOf(bosToken);
  if (bos === undefined || tokenizer.encode('')[0] !== bos) return [];
  return [bos];
}
