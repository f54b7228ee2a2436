import { lastOf } from '../core/last-of.js';
import { ignoredLabel } from './chat-labels.js';
import type { ChatReader } from './chat-reader.js';
import { tooLong } from './chat-samples.js';
import { promptOf } from './conversation.js';
import { promptIds } from './labeled-chat.js';

/** A prompt for the model to continue. Both arrays have shape [length]. */
export interface PromptSample {
  readonly inputIds: Int32Array;
  /** 1 for each token. Padding, which `padCollate` puts before prompts with `side: 'left'`, has 0. */
  readonly attentionMask: Int32Array;
  /** Paths, URLs or bytes of the images that the prompt shows, in order. Present if the row has images. */
  readonly images?: readonly unknown[];
}

/** Reads rows as {@link PromptSample}s. */
export const promptReader: ChatReader<PromptSample> = {
  kind: 'prompt',
  sequences: 1,
  encode(row, encoding) {
    const prompt = promptOf(row, encoding.layout);
    const ids = promptIds(prompt, encoding);
    const labels = new Int32Array(ids.length).fill(ignoredLabel);
    return [{ ids, labels, images: prompt.kind === 'messages' ? prompt.images : undefined }];
  },
  sample(sequences, settings) {
    const { ids, images } = lastOf(sequences);
    const { maxLength = ids.length, truncate } = settings;
    if (ids.length > maxLength && truncate === 'drop') return undefined;
    if (ids.length > maxLength && truncate === 'error') throw tooLong(ids.length, maxLength);
    const inputIds = ids.slice(Math.max(0, ids.length - maxLength));
    return { inputIds, attentionMask: new Int32Array(inputIds.length).fill(1), ...(images && { images }) };
  },
  leavesOut: ({ maxLength, truncate }) => truncate === 'drop' && maxLength !== undefined,
  padValues: (inputIds) => ({ inputIds }),
  count: ({ inputIds }) => ({ tokens: inputIds.length, trained: 0 }),
};
