import * as v from 'valibot';
import { booleanOption, integerFrom } from '../core/options.js';
import type { TrainOn } from './chat-labels.js';
import type { SpecialTokensInContent } from './special-content.js';
import type { TextTokenizer } from './text-tokenizer.js';

/** Options of every dataset of conversations. */
export interface ChatEncodingOptions {
  /** The model's tokenizer, or where to load it from: see {@link loadTokenizer}. */
  readonly tokenizer: TextTokenizer | string;
  /** A chat template in Jinja. @defaultValue the tokenizer's own */
  readonly template?: string | undefined;
  /** Variables that the template reads, such as `{ enable_thinking: false }`. @defaultValue none */
  readonly templateVariables?: Readonly<Record<string, unknown>> | undefined;
  /** The most tokens of a sequence. @defaultValue no limit */
  readonly maxLength?: number | undefined;
  /**
   * Special tokens in the content of messages: `'token'` makes them control the model, as in Hugging Face; `'text'` encodes them like
   * other text; `'error'` refuses them. @defaultValue `'token'`
   */
  readonly specialTokensInContent?: SpecialTokensInContent | undefined;
}

/** What happens to sequences that are longer than `maxLength`. */
export type Truncate = 'right' | 'left' | 'drop' | 'error';

/** Options of labels. */
export interface ChatLabelOptions {
  /**
   * What happens to longer sequences: `'right'` drops their last tokens, `'left'` their first, `'drop'` leaves the row out (opening
   * then encodes all rows once, and {@link ChatDataset.leftOut} counts them), `'error'` refuses it.
   * @defaultValue `'error'`
   */
  readonly truncate?: Truncate | undefined;
  /**
   * Adds `lossWeights`, with which the loss of each label is multiplied: `'token'` counts each token that is trained on once,
   * `'document'` lets them share a weight of 1, so that each conversation counts the same. @defaultValue none
   */
  readonly lossWeights?: 'token' | 'document' | undefined;
  /** Whether `labels[k]` is the label of the token after `inputIds[k]`. @defaultValue `false`, as in Hugging Face */
  readonly shift?: boolean | undefined;
}

/** How rows become samples. All of it moves to workers. */
export interface ChatSettings {
  readonly template: string | undefined;
  readonly templateVariables: Readonly<Record<string, unknown>>;
  readonly trainOn: TrainOn;
  readonly maxLength: number | undefined;
  readonly truncate: Truncate;
  readonly specialTokensInContent: SpecialTokensInContent;
  readonly shift: boolean;
  readonly lossWeights: 'token' | 'document' | undefined;
}

/** Schema of {@link ChatEncodingOptions}. */
export const encodingEntries = {
  tokenizer: v.any(),
  template: v.optional(v.string('must be a template in Jinja')),
  templateVariables: v.optional(
    v.custom<Readonly<Record<string, unknown>>>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'must be an object of variables by name',
    ),
    () => ({}),
  ),
  maxLength: v.optional(integerFrom(1)),
  specialTokensInContent: v.optional(
    v.picklist(['token', 'text', 'error'], "must be 'token', 'text' or 'error'"),
    'token',
  ),
};

/** Schema of {@link ChatLabelOptions}. */
export const labelEntries = {
  truncate: v.optional(
    v.picklist(['right', 'left', 'drop', 'error'], "must be 'right', 'left', 'drop' or 'error'"),
    'error',
  ),
  lossWeights: v.optional(v.picklist(['token', 'document'], "must be 'token' or 'document'")),
  shift: v.optional(booleanOption, false),
};
