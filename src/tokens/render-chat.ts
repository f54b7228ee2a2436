import * as v from 'valibot';
import { ConfigError } from '../core/errors.js';
import { booleanOption, parseOptions } from '../core/options.js';
import { type ChatMessage, ChatTemplate } from './chat-template.js';
import { requireTokenizer, type TextTokenizer } from './text-tokenizer.js';

export interface RenderChatOptions {
  /** A chat template in Jinja. @defaultValue the tokenizer's own */
  readonly template?: string | undefined;
  /** Tools that the model may call, as JSON schemas, for templates that show them. @defaultValue none */
  readonly tools?: readonly unknown[] | undefined;
  /** Whether the text ends with the header of an assistant turn, for the model to continue. @defaultValue `false` */
  readonly addGenerationPrompt?: boolean | undefined;
}

const schema = v.strictObject({
  template: v.optional(v.string('must be a template in Jinja')),
  tools: v.optional(v.array(v.unknown(), 'must be a list of tools')),
  addGenerationPrompt: v.optional(booleanOption, false),
});

/** A conversation as text and token ids. */
type ChatText = {
  readonly text: string;
  /** Ids of the text, without further special tokens: the template writes them. */
  readonly inputIds: number[];
};

/**
 * Renders a conversation by a chat template and encodes it, as `apply_chat_template` of Hugging Face transformers does.
 *
 * @throws {@link ConfigError} without a template; {@link FormatError} if the template refuses the conversation.
 */
export async function renderChat(
  tokenizer: TextTokenizer,
  messages: readonly ChatMessage[],
  options: RenderChatOptions = {},
): Promise<ChatText> {
  const { template, tools, addGenerationPrompt } = parseOptions('renderChat options', schema, options);
  const parsed = await chatTemplateOf(requireTokenizer(tokenizer, 'renderChat'), template);
  const { text } = parsed.render({ messages, tools, addGenerationPrompt });
  return { text, inputIds: tokenizer.encode(text, { addSpecialTokens: false }) };
}

const parsedTemplates = new WeakMap<TextTokenizer, Map<string, Promise<ChatTemplate>>>();

/**
 * The template given, or the tokenizer's own, parsed once per tokenizer.
 *
 * @throws {@link ConfigError} if there is neither.
 */
export function chatTemplateOf(tokenizer: TextTokenizer, given: string | undefined): Promise<ChatTemplate> {
  const source = given ?? tokenizer.chatTemplate;
  if (source === undefined) {
    throw new ConfigError('chat template', [
      {
        field: 'template',
        message: `is needed: the tokenizer ${tokenizer.source} has no chat template of its own`,
      },
    ]);
  }
  const templates = parsedTemplates.get(tokenizer) ?? new Map<string, Promise<ChatTemplate>>();
  parsedTemplates.set(tokenizer, templates);
  const found = templates.get(source);
  if (found) return found;
  const { bosToken, eosToken, padToken } = tokenizer;
  const parsed = ChatTemplate.parse(source, {
    bos_token: bosToken,
    eos_token: eosToken,
    pad_token: padToken,
  });
  templates.set(source, parsed);
  return parsed;
}
