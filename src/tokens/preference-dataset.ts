import * as v from 'valibot';
import type { Dataset } from '../core/dataset.js';
import { parseOptions } from '../core/options.js';
import { ChatDataset } from './chat-dataset.js';
import { detectChatLayout } from './chat-layout.js';
import type { ChatRow } from './chat-reader.js';
import { openRows } from './chat-rows.js';
import {
  type ChatEncodingOptions,
  type ChatLabelOptions,
  encodingEntries,
  labelEntries,
} from './chat-settings.js';
import { type PreferenceSample, preferenceReader } from './preference-samples.js';

export interface PreferenceDatasetOptions extends ChatEncodingOptions, ChatLabelOptions {}

const schema = v.strictObject({ ...encodingEntries, ...labelEntries });

/**
 * Makes samples for preference training (DPO and its relatives) from rows with a chosen and a rejected answer.
 *
 * A column `prompt` holds what both answers continue: a text, or messages. Without it, `chosen` and `rejected` are whole
 * conversations, and everything up to their last turn is the prompt. A pair is one sample, so a transform draws the random numbers
 * of both answers from one generator.
 *
 * Opening encodes all rows once. It leaves out pairs whose answers are equal, or of which truncation leaves nothing to train on;
 * {@link ChatDataset.leftOut} counts them.
 *
 * @param rows - An array of rows, or a dataset of rows.
 * @throws {@link ConfigError} if the columns are others, or an option is wrong; {@link FormatError} naming a row that is not a pair.
 */
export async function preferenceDataset(
  rows: readonly ChatRow[] | Dataset<ChatRow>,
  options: PreferenceDatasetOptions,
): Promise<ChatDataset<PreferenceSample>> {
  const { tokenizer, ...settings } = parseOptions('preferenceDataset options', schema, options);
  const opened = await openRows('preferenceDataset', rows, tokenizer, (columns) =>
    detectChatLayout(columns, ['preference']),
  );
  return ChatDataset.open(opened, preferenceReader, {
    ...settings,
    template: settings.template,
    maxLength: settings.maxLength,
    lossWeights: settings.lossWeights,
    trainOn: 'assistant',
  });
}
