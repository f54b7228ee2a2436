import * as v from 'valibot';
import type { Dataset, SampleContext } from '../core/dataset.js';
import { ConfigError, FormatError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { ArrayDataset } from '../datasets/array-dataset.js';
import { sampleContext } from '../random/sample-context.js';
import { ignoredLabel, labelsOf, maskChat, type TrainOn } from './chat-labels.js';
import { type ChatLayout, type Conversation, conversationOf, detectChatLayout } from './conversation.js';
import { loadTokenizer } from './load-tokenizer.js';
import { chatTemplateOf } from './render-chat.js';
import {
  breakSpecialTokens,
  joinSpecialTokens,
  refuseSpecialTokens,
  type SpecialTokensInContent,
  type TextWithContentTokens,
} from './special-content.js';
import { requireTokenizer, type TextTokenizer } from './text-tokenizer.js';
import type { TokenSpans } from './token-engine.js';

export interface ChatDatasetOptions {
  /** The model's tokenizer, or where to load it from: see {@link loadTokenizer}. */
  readonly tokenizer: TextTokenizer | string;
  /** A chat template in Jinja. @defaultValue the tokenizer's own */
  readonly template?: string | undefined;
  /** Which tokens have labels: those of every assistant turn, of the last one, or all. @defaultValue `'assistant'` */
  readonly trainOn?: TrainOn | undefined;
  /** The most tokens of a sample. @defaultValue no limit */
  readonly maxLength?: number | undefined;
  /**
   * What happens to longer conversations: `'right'` drops their last tokens, `'left'` their first, `'drop'` leaves the conversation
   * out (opening then encodes all rows once, and {@link ChatDataset.leftOut} counts them), `'error'` refuses it.
   * @defaultValue `'error'`
   */
  readonly truncate?: 'right' | 'left' | 'drop' | 'error' | undefined;
  /**
   * Special tokens in the content of messages: `'token'` makes them control the model, as in Hugging Face; `'text'` encodes them like
   * other text; `'error'` refuses them. @defaultValue `'token'`
   */
  readonly specialTokensInContent?: SpecialTokensInContent | undefined;
  /** Whether `labels[k]` is the label of the token after `inputIds[k]`. @defaultValue `false`, as in Hugging Face */
  readonly shift?: boolean | undefined;
}

/** A conversation as token ids, with the labels that the loss compares with. Both have shape [length]. */
export interface ChatSample {
  readonly inputIds: Int32Array;
  /** The id to predict, or -100 where the loss ignores the token. */
  readonly labels: Int32Array;
}

type ChatRow = Readonly<Record<string, unknown>>;

const schema = v.strictObject({
  tokenizer: v.any(),
  template: v.optional(v.string('must be a template in Jinja')),
  trainOn: v.optional(
    v.picklist(['assistant', 'last', 'all'], "must be 'assistant', 'last' or 'all'"),
    'assistant',
  ),
  maxLength: v.optional(integerFrom(1)),
  truncate: v.optional(
    v.picklist(['right', 'left', 'drop', 'error'], "must be 'right', 'left', 'drop' or 'error'"),
    'error',
  ),
  specialTokensInContent: v.optional(
    v.picklist(['token', 'text', 'error'], "must be 'token', 'text' or 'error'"),
    'token',
  ),
  shift: v.optional(booleanOption, false),
});

type Settings = Omit<v.InferOutput<typeof schema>, 'tokenizer'>;

interface ChatRecipe {
  readonly rows: Recipe;
  readonly tokenizer: string;
  readonly layout: ChatLayout;
  readonly settings: Settings;
  readonly kept: Float64Array | undefined;
}

/**
 * Makes fine-tuning samples from conversations: renders each row by the model's chat template, encodes it, and labels what is
 * trained on.
 *
 * ```ts
 * const rows = await JsonlDataset.open('conversations.jsonl');
 * const dataset = await chatDataset(rows, { tokenizer: 'hf://Qwen/Qwen3-0.6B', maxLength: 2048 });
 * ```
 *
 * The columns of a row name its layout: `messages`; `prompt` and `completion`; `instruction`, `input` and `output`;
 * `conversations` (ShareGPT); `text`. All rows have the layout of the first.
 *
 * @param rows - An array of rows, or a dataset of rows.
 * @throws {@link ConfigError} if the columns fit no layout or several, or an option is wrong.
 */
export async function chatDataset(
  rows: readonly ChatRow[] | Dataset<ChatRow>,
  options: ChatDatasetOptions,
): Promise<ChatDataset> {
  const { tokenizer: given, ...settings } = parseOptions('chatDataset options', schema, options);
  const tokenizer =
    typeof given === 'string' ? await loadTokenizer(given) : requireTokenizer(given, 'chatDataset options');
  const source = 'get' in rows ? rows : new ArrayDataset(rows);
  if (source.length === 0)
    throw new ConfigError('chatDataset', [
      { field: 'rows', message: 'must not be empty: the first row tells the layout' },
    ]);
  const first = await source.get(0, sampleContext(0));
  const layout = detectChatLayout(Object.keys(first));
  const dataset = new ChatDataset(source, tokenizer, layout, settings);
  await dataset.prepare();
  await dataset.dropLong();
  return dataset;
}

/** Conversations as labelled token ids; see {@link chatDataset}. */
export class ChatDataset implements Dataset<ChatSample>, Movable {
  readonly #rows: Dataset<ChatRow>;
  readonly #tokenizer: TextTokenizer;
  readonly #layout: ChatLayout;
  readonly #settings: Settings;
  #template: Awaited<ReturnType<typeof chatTemplateOf>> | undefined;
  /** The rows that are samples, if long ones are left out. */
  #kept: Float64Array | undefined;

  /** @internal */
  constructor(
    rows: Dataset<ChatRow>,
    tokenizer: TextTokenizer,
    layout: ChatLayout,
    settings: Settings,
    kept?: Float64Array,
  ) {
    this.#rows = rows;
    this.#tokenizer = tokenizer;
    this.#layout = layout;
    this.#settings = settings;
    this.#kept = kept;
  }

  /** Parses the chat template, if the layout needs one. @internal */
  async prepare(): Promise<void> {
    const needed = this.#layout !== 'text' && this.#layout !== 'prompt-completion';
    if (needed || this.#tokenizer.chatTemplate !== undefined || this.#settings.template !== undefined)
      this.#template = await chatTemplateOf(this.#tokenizer, this.#settings.template);
  }

  /** Encodes every row once to leave out those that are too long, if `truncate` is `'drop'`. @internal */
  async dropLong(): Promise<void> {
    const { maxLength, truncate } = this.#settings;
    if (truncate !== 'drop' || maxLength === undefined) return;
    const kept: number[] = [];
    for (let row = 0; row < this.#rows.length; row++) {
      const { ids } = await this.#read(row, sampleContext(row));
      if (ids.length <= maxLength) kept.push(row);
    }
    this.#kept = Float64Array.from(kept);
  }

  get length(): number {
    return this.#kept?.length ?? this.#rows.length;
  }

  /** Conversations that are left out because they have more than `maxLength` tokens. */
  get leftOut(): number {
    return this.#rows.length - this.length;
  }

  /**
   * @throws {@link FormatError} if the row is not a conversation, the template refuses it, no token of it would be trained
   *   on, or it is longer than `maxLength`.
   */
  async get(index: number, context: SampleContext): Promise<ChatSample> {
    checkIndex(index, this.length, 'ChatDataset');
    const row = this.#kept ? this.#kept[index]! : index;
    const labeled = await this.#read(row, context);
    return naming(row, () => this.#sampleOf(labeled));
  }

  async #read(row: number, context: SampleContext): Promise<LabeledChat> {
    const value = await this.#rows.get(row, context);
    return naming(row, () => this.#labeled(conversationOf(value, this.#layout)));
  }

  #sampleOf({ ids, labels, turns }: LabeledChat): ChatSample {
    const { maxLength = ids.length, truncate, shift } = this.#settings;
    if (ids.length > maxLength && truncate === 'error') throw tooLong(ids.length, maxLength);
    const start = truncate === 'left' ? Math.max(0, ids.length - maxLength) : 0;
    const inputIds = ids.slice(start, start + maxLength);
    const kept = labels.slice(start, start + maxLength);
    if (!kept.some((label) => label !== ignoredLabel)) throw nothingTrained(turns, ids.length > maxLength);
    return { inputIds, labels: shift ? shifted(kept) : kept };
  }

  #labeled(conversation: Conversation): LabeledChat {
    const tokenizer = this.#tokenizer;
    switch (conversation.kind) {
      case 'messages': {
        const { text, trained, textAt } = this.#masked(conversation);
        const spans = tokenizer.spans(text, textAt);
        const labels = labelsOf(spans, trained);
        return { ids: Int32Array.from(spans.ids), labels, turns: conversation.messages.length };
      }
      case 'completion': {
        const { prompt, completion } = conversation;
        const trained = this.#settings.trainOn === 'all' ? 0 : prompt.length;
        return withBeginning(tokenizer, withEnd(tokenizer, prompt + completion), trained);
      }
      case 'text':
        return withBeginning(tokenizer, withEnd(tokenizer, conversation.text), 0);
    }
  }

  #masked({ messages, tools }: Conversation & { kind: 'messages' }): TextWithContentTokens {
    const { eosToken, specialTokens } = this.#tokenizer;
    const { trainOn, specialTokensInContent } = this.#settings;
    if (specialTokensInContent === 'error') refuseSpecialTokens(messages, specialTokens);
    const asText = specialTokensInContent === 'text';
    const shown = asText ? breakSpecialTokens(messages, specialTokens) : messages;
    return joinSpecialTokens(
      maskChat({ template: this.#template!, messages: shown, tools, trainOn, eosToken }),
    );
  }

  fingerprint(): string {
    return fingerprint({
      kind: 'ChatDataset',
      rows: this.#rows.fingerprint?.() ?? null,
      tokenizer: this.#tokenizer.fingerprint(),
      layout: this.#layout,
      settings: {
        ...this.#settings,
        template: this.#settings.template ?? null,
        maxLength: this.#settings.maxLength ?? null,
      },
    });
  }

  [toRecipe](): Recipe {
    const args: ChatRecipe = {
      rows: recipeOf(this.#rows, 'rows'),
      tokenizer: this.#tokenizer.source,
      layout: this.#layout,
      settings: this.#settings,
      kept: this.#kept,
    };
    return { builtIn: 'ChatDataset', args };
  }

  static async fromRecipe(
    { rows, tokenizer, layout, settings, kept }: ChatRecipe,
    make: MakeFromRecipe,
  ): Promise<ChatDataset> {
    const dataset = new ChatDataset(
      (await make(rows)) as Dataset<ChatRow>,
      await loadTokenizer(tokenizer),
      layout,
      settings,
      kept,
    );
    await dataset.prepare();
    return dataset;
  }

  close(): void | Promise<void> {
    return this.#rows.close?.();
  }
}

/** A conversation before truncation. */
interface LabeledChat {
  readonly ids: Int32Array;
  readonly labels: Int32Array;
  /** Messages of the conversation. */
  readonly turns: number;
}

/** Names the conversation in errors. */
function naming<T>(conversation: number, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof FormatError) throw error.addLocation({ conversation });
    throw error;
  }
}

/** A text that ends with the tokenizer's end token, once. */
function withEnd({ eosToken }: TextTokenizer, text: string): string {
  return eosToken === undefined || text.endsWith(eosToken) ? text : text + eosToken;
}

/** Encodes plain text, with exactly one BOS token if the tokenizer puts one before texts. */
function withBeginning(tokenizer: TextTokenizer, text: string, trainedFrom: number): LabeledChat {
  const spans: TokenSpans = tokenizer.spans(text);
  const labels = labelsOf(spans, [[trainedFrom, text.length]]);
  const bos = tokenizer.bosToken === undefined ? undefined : tokenizer.idOf(tokenizer.bosToken);
  const addsBos = bos !== undefined && spans.ids[0] !== bos && tokenizer.encode('')[0] === bos;
  if (!addsBos) return { ids: Int32Array.from(spans.ids), labels, turns: 1 };
  return { ids: Int32Array.of(bos, ...spans.ids), labels: Int32Array.of(ignoredLabel, ...labels), turns: 1 };
}

function shifted(labels: Int32Array): Int32Array {
  const next = new Int32Array(labels.length).fill(ignoredLabel);
  next.set(labels.subarray(1));
  return next;
}

function tooLong(length: number, maxLength: number): FormatError {
  return new FormatError(`The conversation has ${length} tokens, more than maxLength, ${maxLength}`, {
    where: { tokens: length, maxLength },
    next: "Raise maxLength, or set truncate to 'right' or 'left'.",
  });
}

function nothingTrained(turns: number, truncated: boolean): FormatError {
  return new FormatError(
    truncated
      ? 'Truncation removed every token that would be trained on'
      : 'No token of the conversation would be trained on',
    {
      where: { turns },
      next: truncated
        ? "Raise maxLength, or set truncate to 'left' to keep the end."
        : "Give the conversation an assistant turn, or set trainOn to 'all'.",
    },
  );
}
