import { readFileSync } from 'node:fs';
import { ConfigError } from '../../core/errors.js';
import { detectChatLayout, isAlwaysMessages, trainableLayout } from '../../tokens/chat-layout.js';
import type { ChatEncoding, ChatRow } from '../../tokens/chat-reader.js';
import { type ChatView, viewChats } from '../../tokens/chat-view.js';
import { chatTemplateOf } from '../../tokens/render-chat.js';
import { TextTokenizer } from '../../tokens/text-tokenizer.js';
import type { Tokenizer } from '../../tokens/tokenizer.js';
import type { InspectedSample } from './inspect-dataset.js';

export interface ChatFlags {
  /** A file with a chat template in Jinja. */
  readonly template?: string | undefined;
  readonly trainOn?: 'assistant' | 'last' | 'all' | undefined;
  /** The length that conversations will be cut to. */
  readonly maxLength?: number | undefined;
}

/** How to encode rows with these columns. */
export async function chatEncoding(
  columns: readonly string[],
  tokenizer: Tokenizer | undefined,
  { template, trainOn = 'assistant', maxLength }: ChatFlags,
): Promise<ChatEncoding> {
  if (!(tokenizer instanceof TextTokenizer)) {
    const message =
      'must be a tokenizer.json, its folder or hf://user/model: --chat needs the tokenizer of a model';
    throw new ConfigError('millrace inspect', [{ field: '--tokenizer', message }]);
  }
  const layout = columns.includes('chosen') ? detectChatLayout(columns) : trainableLayout(columns);
  const source = template === undefined ? undefined : readFileSync(template, 'utf8');
  const hasTemplate = (source ?? tokenizer.chatTemplate) !== undefined;
  const isText = layout === 'text' || !(hasTemplate || isAlwaysMessages(layout));
  return {
    tokenizer,
    layout,
    template: isText ? undefined : await chatTemplateOf(tokenizer, source),
    settings: {
      template: source,
      templateVariables: {},
      trainOn,
      maxLength,
      truncate: 'right',
      specialTokensInContent: 'token',
      shift: false,
      lossWeights: undefined,
    },
  };
}

/** The conversations of each inspected sample, token by token. */
export function viewSamples(samples: readonly InspectedSample[], encoding: ChatEncoding): ChatView[][] {
  return samples.map(({ fields }) => viewChats(fields as ChatRow, encoding));
}
