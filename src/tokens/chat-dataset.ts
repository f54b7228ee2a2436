import * as v from 'valibot';
import type { Dataset, SampleContext } from '../core/dataset.js';
import { ConfigError, FormatError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { booleanOption, integerFrom, parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import { ArrayDataset } from '../datasets/array-dataset.js';
import { sampleContext } from '../random/sample-context.js';
import { ignoredLabel, type TrainOn } from './chat-labels.js';
import type { ChatTemplate } from './chat-template.js';
import { type ChatLayout, conversationOf, detectChatLayout } from './conversation.js';
import { type LabeledChat, type LabelSettings, labelChat } from './labeled-chat.js';
import { loadTokenizer } from './load-tokenizer.js';
import { chatTemplateOf } from './render-chat.js';
import type { SpecialTokensInContent } from './special-content.js';
import { requireTokenizer, type TextTokenizer } from './text-tokenizer.js';

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
  return ChatDataset.open(source, tokenizer, layout, settings);
}

/** Conversations as labeled token ids; see {@link chatDataset}. */
export class ChatDataset implements Dataset<ChatSample>, Movable {
  readonly #rows: Dataset<ChatRow>;
  readonly #layout: ChatLayout;
  readonly #labeling: LabelSettings;
  readonly #settings: Settings;
  /** The rows that are samples, if long ones are left out. */
  readonly #kept: Float64Array | undefined;

  private constructor(parts: ChatParts, settings: Settings, kept?: Float64Array) {
    this.#rows = parts.rows;
    this.#layout = parts.layout;
    this.#labeling = { ...settings, ...parts };
    this.#settings = settings;
    this.#kept = kept;
  }

  /** @internal */
  static async open(
    rows: Dataset<ChatRow>,
    tokenizer: TextTokenizer,
    layout: ChatLayout,
    settings: Settings,
  ): Promise<ChatDataset> {
    const template = await templateFor(layout, rows, tokenizer, settings.template);
    const parts = { rows, tokenizer, layout, template };
    const dataset = new ChatDataset(parts, settings);
    const { maxLength, truncate } = settings;
    if (truncate !== 'drop' || maxLength === undefined) return dataset;
    const kept: number[] = [];
    for (let row = 0; row < rows.length; row++) {
      const { ids } = await dataset.#read(row, sampleContext(row));
      if (ids.length <= maxLength) kept.push(row);
    }
    return new ChatDataset(parts, settings, Float64Array.from(kept));
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
    return naming(row, () => labelChat(conversationOf(value, this.#layout), this.#labeling));
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

  fingerprint(): string {
    return fingerprint({
      kind: 'ChatDataset',
      rows: this.#rows.fingerprint?.() ?? null,
      tokenizer: this.#labeling.tokenizer.fingerprint(),
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
      tokenizer: this.#labeling.tokenizer.source,
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
    const parts = {
      rows: (await make(rows)) as Dataset<ChatRow>,
      tokenizer: await loadTokenizer(tokenizer),
      layout,
    };
    const template = await templateFor(layout, parts.rows, parts.tokenizer, settings.template);
    return new ChatDataset({ ...parts, template }, settings, kept);
  }

  close(): void | Promise<void> {
    return this.#rows.close?.();
  }
}

/** What a {@link ChatDataset} reads, and how. */
interface ChatParts {
  readonly rows: Dataset<ChatRow>;
  readonly tokenizer: TextTokenizer;
  readonly layout: ChatLayout;
  readonly template: ChatTemplate | undefined;
}

/**
 * The chat template of a layout whose rows are messages; `undefined` for plain text. Prompts and completions are either.
 *
 * @throws {@link ConfigError} if messages have no template.
 */
async function templateFor(
  layout: ChatLayout,
  rows: Dataset<ChatRow>,
  tokenizer: TextTokenizer,
  given: string | undefined,
): Promise<ChatTemplate | undefined> {
  if (layout === 'text') return undefined;
  const isText =
    layout === 'prompt-completion' && typeof (await rows.get(0, sampleContext(0))).prompt === 'string';
  return isText ? undefined : chatTemplateOf(tokenizer, given);
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
