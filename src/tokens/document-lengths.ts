import type { Dataset } from '../core/dataset.js';
import { sampleContext } from '../random/sample-context.js';
import { ChatDataset } from './chat-dataset.js';
import { type LabeledTokens, type Tokens, tokenCountOf } from './document.js';

/** Documents that are requested concurrently. */
const together = 64;

/**
 * The number of tokens of each document, shape `[n]`, for the `lengths` of a {@link PackedDataset}. Reads every document
 * once, in this thread. `millrace convert` costs the same and stores the lengths.
 *
 * @throws whatever the dataset throws.
 */
export async function documentLengths(documents: Dataset<Tokens | LabeledTokens>): Promise<Int32Array> {
  if (documents instanceof ChatDataset) return (await documents.count()).sizes;
  const lengths = new Int32Array(documents.length);
  for (let start = 0; start < documents.length; start += together) {
    const count = Math.min(together, documents.length - start);
    const indices = Array.from({ length: count }, (_, k) => start + k);
    documents.prefetch?.(indices, 0);
    const made = await Promise.all(indices.map((index) => documents.get(index, sampleContext(index))));
    made.forEach((tokens, k) => {
      lengths[start + k] = tokenCountOf(tokens);
    });
  }
  return lengths;
}
