import * as v from 'valibot';
import { ConfigError } from '../../core/errors.js';
import type { Metric } from './metric.js';
import { fieldOf } from './sample-parts.js';
import { ModelClient, type ServedModel } from './served-model.js';

const answer = v.object({
  data: v.array(v.object({ index: v.optional(v.number()), embedding: v.array(v.number()) })),
});

/**
 * How far each text is from the nearest of some reference texts: 1 − the cosine of their embeddings, 0 for the same direction, 2 for the
 * opposite one. Asks `/embeddings` of a served model. With texts of the domain that you want as references, close texts are easy and
 * far texts are other domains. Save it as a module, as for `servedLoss`.
 *
 * @returns The metric `embeddingdistance`, in thousandths. Measuring throws {@link StorageError} if the server does not answer, {@link
 *   FormatError} for an answer without embeddings. O(references) a text.
 * @throws {@link ConfigError}
 */
export function embeddingDistance({
  references,
  ...options
}: ServedModel & { readonly references: readonly string[] }): Metric {
  if (!Array.isArray(references) || references.length === 0)
    throw new ConfigError('embeddingDistance options', [
      { field: 'references', message: 'must be a list of texts' },
    ]);
  const client = new ModelClient('embeddingDistance', options);
  const ask = async (texts: readonly string[]): Promise<Float64Array[]> => {
    const parsed = v.safeParse(answer, await client.post('/embeddings', { input: texts }));
    if (!parsed.success) throw client.unexpected('no embeddings');
    const vectors = new Array<Float64Array>(parsed.output.data.length);
    for (const [k, { index = k, embedding }] of parsed.output.data.entries())
      vectors[index] = normalized(embedding);
    return vectors;
  };
  let known: Promise<Float64Array[]> | undefined;
  return {
    name: 'embeddingdistance',
    description: `distance of embeddings of ${client.model} to the nearest of ${references.length} references`,
    unit: '1/1,000',
    scale: 1_000,
    batchSize: client.textsAtOnce,
    async measure(samples, { start }) {
      known ??= client.each(references, ask);
      const near = await known;
      const texts = samples.map((sample, k) => fieldOf(sample, client.field, start + k));
      const vectors = await client.each(texts, ask);
      return vectors.map((vector) => Math.max(0, 1 - Math.max(...near.map((other) => dot(vector, other)))));
    },
  };
}

function normalized(embedding: readonly number[]): Float64Array {
  const length = Math.hypot(...embedding);
  return Float64Array.from(embedding, (value) => (length === 0 ? 0 : value / length));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * b[k]!;
  return sum;
}
