import * as v from 'valibot';
import type { Dataset, SampleContext } from '../core/dataset.js';
import { FormatError } from '../core/errors.js';
import { fingerprint } from '../core/fingerprint.js';
import { checkIndex } from '../core/index-range.js';
import { plainJson } from '../core/json.js';
import { parseOptions } from '../core/options.js';
import { type MakeFromRecipe, type Movable, type Recipe, recipeOf, toRecipe } from '../core/recipe.js';
import type { TrainOn } from './chat-labels.js';
import { type ChatLayout, trainableLayout } from './chat-layout.js';
import type { ChatEncoding, ChatKind, ChatReader, ChatRow } from './chat-reader.js';
import { type OpenedRows, openRows, templateFor } from './chat-rows.js';
import { type ChatSample, chatReader } from './chat-samples.js';
import {
  type ChatEncodingOptions,
  type ChatLabelOptions,
  type ChatSettings,
  encodingEntries,
  labelEntries,
} from './chat-settings.js';
import { type ChatSurvey, encodeRow, inRow, surveyChats } from './chat-survey.js';
import { type EncodedRows, encodedAt } from './encoded-rows.js';
import { loadTokenizer } from './load-tokenizer.js';
import { preferenceReader } from './preference-samples.js';
import { promptReader } from './prompt-samples.js';

export interface ChatDatasetOptions extends ChatEncodingOptions, ChatLabelOptions {
  /**
   * Which tokens have labels: those of every assistant turn (of a row with a prompt, every one after the prompt), of the last one,
   * or all. @defaultValue `'assistant'`
   */
  readonly trainOn?: TrainOn | undefined;
}

const schema = v.strictObject({
  ...encodingEntries,
  ...labelEntries,
  trainOn: v.optional(
    v.picklist(['assistant', 'last', 'all'], "must be 'assistant', 'last' or 'all'"),
    'assistant',
  ),
});

/**
 * Makes fine-tuning samples from conversations: renders each row by the model's chat template, encodes it, and labels what is
 * trained on.
 *
 * ```ts
 * const rows = await JsonlDataset.open('conversations.jsonl');
 * const dataset = await chatDataset(rows, { tokenizer: 'hf://Qwen/Qwen3-0.6B', maxLength: 2048 });
 * const loader = new DataLoader(dataset, { batchSize: 8, collate: padCollate({ padValue: dataset.padValues }) });
 * ```
 *
 * The columns of a row name its layout: `messages`; `prompt` and `completion`; `instruction`, `input` and `output`;
 * `conversations` (ShareGPT); `text`. All rows have the layout of the first.
 *
 * @param rows - An array of rows, or a dataset of rows.
 * @throws {@link ConfigError} if the columns fit no layout or several, or an option is wrong.
 */
export function chatDataset(
  rows: readonly ChatRow[] | Dataset<ChatRow>,
  options: ChatDatasetOptions & { readonly lossWeights: 'token' | 'document' },
): Promise<ChatDataset<ChatSample & { readonly lossWeights: Float32Array }>>;
export function chatDataset(
  rows: readonly ChatRow[] | Dataset<ChatRow>,
  options: ChatDatasetOptions,
): Promise<ChatDataset>;
export async function chatDataset(
  rows: readonly ChatRow[] | Dataset<ChatRow>,
  options: ChatDatasetOptions,
): Promise<ChatDataset> {
  const { tokenizer, ...settings } = parseOptions('chatDataset options', schema, options);
  const opened = await openRows('chatDataset', rows, tokenizer, trainableLayout);
  return ChatDataset.open(opened, chatReader, {
    ...settings,
    template: settings.template,
    maxLength: settings.maxLength,
    lossWeights: settings.lossWeights,
  });
}

interface ChatRecipe {
  readonly rows: Recipe;
  readonly tokenizer: string;
  readonly layout: ChatLayout;
  readonly kind: ChatKind;
  readonly settings: ChatSettings;
  readonly kept: Float64Array | undefined;
  readonly encoded: EncodedRows | undefined;
}

const readers = { chat: chatReader, preference: preferenceReader, prompt: promptReader };

/**
 * Conversations, preference pairs or prompts as token ids: what {@link chatDataset}, {@link preferenceDataset} and
 * {@link promptDataset} return.
 */
export class ChatDataset<T = ChatSample> implements Dataset<T>, Movable {
  /** For `padCollate`: pads ids with the pad token (or else with the end token), and labels with -100. */
  readonly padValues: Readonly<Record<string, number>>;
  readonly #source: OpenedRows;
  readonly #encoding: ChatEncoding;
  readonly #reader: ChatReader<T>;
  /** The rows that are samples, if some may not be. */
  #kept: Float64Array | undefined;
  #survey: Promise<ChatSurvey> | undefined;
  #counted: ChatSurvey | undefined;
  #encoded: EncodedRows | undefined;

  private constructor(
    source: OpenedRows,
    encoding: ChatEncoding,
    reader: ChatReader<T>,
    found: Pick<ChatRecipe, 'kept' | 'encoded'>,
  ) {
    this.#source = source;
    this.#encoding = encoding;
    this.#reader = reader;
    this.#kept = found.kept;
    this.#encoded = found.encoded;
    const { padToken, endOfText } = source.tokenizer;
    const pad = padToken === undefined ? undefined : source.tokenizer.idOf(padToken);
    this.padValues = reader.padValues(pad ?? endOfText ?? 0);
  }

  /** @internal */
  static async open<T>(
    source: OpenedRows,
    reader: ChatReader<T>,
    settings: ChatSettings,
    found: Pick<ChatRecipe, 'kept' | 'encoded'> = { kept: undefined, encoded: undefined },
  ): Promise<ChatDataset<T>> {
    const template = await templateFor(source, settings.template);
    const encoding = { tokenizer: source.tokenizer, template, layout: source.layout, settings };
    const dataset = new ChatDataset(source, encoding, reader, found);
    if (found.kept === undefined && reader.leavesOut(settings))
      dataset.#kept = (await dataset.#surveyed()).kept;
    return dataset;
  }

  /** Whether labels are those of the next token. Packing refuses them, since it shifts labels itself. */
  get shiftsLabels(): boolean {
    return this.#encoding.settings.shift;
  }

  get length(): number {
    return this.#kept?.length ?? this.#source.rows.length;
  }

  /** Rows that are left out: too long with `truncate: 'drop'`, or pairs that say nothing. */
  get leftOut(): number {
    return this.#source.rows.length - this.length;
  }

  /**
   * @throws {@link FormatError} if the row is not a conversation, the template refuses it, no token of it would be trained
   *   on, or it is longer than `maxLength`.
   */
  async get(index: number, context: SampleContext): Promise<T> {
    checkIndex(index, this.length, 'ChatDataset');
    const row = this.#kept ? this.#kept[index]! : index;
    const reader = this.#reader;
    const sequences =
      (this.#encoded && encodedAt(this.#encoded, index, reader.sequences)) ??
      (await encodeRow(this.#source.rows, row, reader, this.#encoding, context));
    const sample = inRow(row, () => reader.sample(sequences, this.#encoding.settings));
    if (sample === undefined) throw changedSinceOpening(row);
    return sample;
  }

  /**
   * Encodes all samples once and counts their tokens: of each sample, of all, and of all that are trained on. O(rows), once. Up to
   * 32 million tokens are kept in 128 MiB, so that `get` does not encode them again.
   *
   * @throws what {@link ChatDataset.get} throws for any sample.
   */
  async count(): Promise<{ readonly sizes: Int32Array; readonly tokens: number; readonly trained: number }> {
    const { sizes, trained } = await this.#surveyed();
    return { sizes, tokens: sumOf(sizes), trained: sumOf(trained) };
  }

  /** Tokens of each sample, once {@link ChatDataset.count} has counted them. */
  get sizes(): Int32Array | undefined {
    return this.#counted?.sizes;
  }

  /** @internal Tokens of each sample that are trained on, once they are counted. */
  get trainedSizes(): Int32Array | undefined {
    return this.#counted?.trained;
  }

  #surveyed(): Promise<ChatSurvey> {
    this.#survey ??= surveyChats(this.#source.rows, this.#reader, this.#encoding).then((survey) => {
      this.#encoded = survey.encoded;
      this.#counted = survey;
      return survey;
    });
    return this.#survey;
  }

  /** @internal What the dataset reads and how it encodes it, for commands that explain a sample. */
  get parts(): { readonly rows: Dataset<ChatRow>; readonly encoding: ChatEncoding; readonly kind: ChatKind } {
    return { rows: this.#source.rows, encoding: this.#encoding, kind: this.#reader.kind };
  }

  fingerprint(): string {
    const { rows, tokenizer, layout } = this.#source;
    const settings = plainJson(this.#encoding.settings);
    return fingerprint({
      kind: 'ChatDataset',
      samples: this.#reader.kind,
      rows: rows.fingerprint?.() ?? null,
      tokenizer: tokenizer.fingerprint(),
      layout,
      settings,
    });
  }

  [toRecipe](): Recipe {
    const { rows, tokenizer, layout } = this.#source;
    const args: ChatRecipe = {
      rows: recipeOf(rows, 'rows'),
      tokenizer: tokenizer.source,
      layout,
      kind: this.#reader.kind,
      settings: this.#encoding.settings,
      kept: this.#kept,
      encoded: this.#encoded,
    };
    return { builtIn: 'ChatDataset', args };
  }

  static async fromRecipe(
    { rows, tokenizer, layout, kind, settings, kept, encoded }: ChatRecipe,
    make: MakeFromRecipe,
  ): Promise<ChatDataset<unknown>> {
    const source = {
      rows: await make<Dataset<ChatRow>>(rows),
      tokenizer: await loadTokenizer(tokenizer),
      layout,
    };
    return ChatDataset.open<unknown>(source, readers[kind] as ChatReader<unknown>, settings, {
      kept,
      encoded,
    });
  }

  close(): void | Promise<void> {
    return this.#source.rows.close?.();
  }
}

function sumOf(numbers: Int32Array): number {
  let sum = 0;
  for (const number of numbers) sum += number;
  return sum;
}

function changedSinceOpening(row: number): FormatError {
  return new FormatError('The row was a sample when the dataset was opened, but would be left out now', {
    where: { conversation: row },
    next: 'Open the dataset again: its rows have changed.',
  });
}
