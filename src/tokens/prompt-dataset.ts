import * as v from 'valibot';
import type { Dataset } from '../core/dataset.js';
import { parseOptions } from '../core/options.js';
import { ChatDataset } from './chat-dataset.js';
import { promptLayout } from './chat-layout.js';
import type { ChatRow } from './chat-reader.js';
import { openRows } from './chat-rows.js';
import { type ChatEncodingOptions, encodingEntries } from './chat-settings.js';
import { type PromptSample, promptReader } from './prompt-samples.js';

export interface PromptDatasetOptions extends ChatEncodingOptions {
  /**
   * What happens to longer prompts: `'left'` drops their first tokens, `'drop'` leaves the row out (opening then encodes all rows
   * once, and {@link ChatDataset.leftOut} counts them), `'error'` refuses it. @defaultValue `'error'`
   */
  readonly truncate?: 'left' | 'drop' | 'error' | undefined;
}

const schema = v.strictObject({
  ...encodingEntries,
  truncate: v.optional(v.picklist(['left', 'drop', 'error'], "must be 'left', 'drop' or 'error'"), 'error'),
});

/**
 * Makes prompts for rollouts (PPO, GRPO and their relatives) and for generation: the column `prompt`, or the conversation of a row
 * without its last answer. Messages end with the header of an assistant turn.
 *
 * ```ts
 * const prompts = await promptDataset(rows, { tokenizer: 'hf://Qwen/Qwen3-0.6B' });
 * const loader = new DataLoader(prompts, {
 *   batchSize: 8,
 *   collate: padCollate({ padValue: prompts.padValues, side: 'left' }),
 * });
 * ```
 *
 * @param rows - An array of rows, or a dataset of rows.
 * @throws {@link ConfigError} if the columns fit no layout or several, or an option is wrong.
 */
export async function promptDataset(
  rows: readonly ChatRow[] | Dataset<ChatRow>,
  options: PromptDatasetOptions,
): Promise<ChatDataset<PromptSample>> {
  const { tokenizer, ...settings } = parseOptions('promptDataset options', schema, options);
  const opened = await openRows('promptDataset', rows, tokenizer, promptLayout);
  return ChatDataset.open(opened, promptReader, {
    ...settings,
    template: settings.template,
    maxLength: settings.maxLength,
    trainOn: 'assistant',
    shift: false,
    lossWeights: undefined,
  });
}
