import * as v from 'valibot';
import type { Metric } from './metric.js';
import { fieldOf } from './sample-parts.js';
import { ModelClient, type ServedModel } from './served-model.js';

const answer = v.object({
  choices: v.array(
    v.object({
      index: v.optional(v.number()),
      logprobs: v.object({
        token_logprobs: v.array(v.nullable(v.number())),
        text_offset: v.optional(v.array(v.number())),
      }),
    }),
  ),
});

/**
 * The loss of a served model on each text: the mean of −ln p(token) over its tokens but the first, in nats. Its exponential is the
 * perplexity. Asks `/completions` for the probabilities of the prompt itself (`echo` with `logprobs`), as OpenAI defined it and vLLM
 * does it. Save it as a module to measure with it: threads and workers load modules.
 *
 * ```ts
 * // loss.ts
 * export default servedLoss({ url: 'http://localhost:8000/v1', model: 'Qwen/Qwen3-0.6B' });
 * ```
 *
 * A text of one token has the loss 0.
 *
 * @returns The metric `servedloss`, in 1/1,000 nat. Measuring throws {@link StorageError} if the server does not answer, {@link
 *   FormatError} if it does not echo the prompt.
 * @throws {@link ConfigError}
 */
export function servedLoss(options: ServedModel): Metric {
  const client = new ModelClient('servedLoss', options);
  const ask = async (texts: readonly string[]): Promise<number[]> => {
    const body = { prompt: texts, max_tokens: 0, echo: true, logprobs: 0, temperature: 0 };
    const parsed = v.safeParse(answer, await client.post('/completions', body));
    if (!parsed.success) throw client.unexpected('no logprobs of the prompt');
    const losses = new Array<number>(parsed.output.choices.length);
    for (const [k, { index = k, logprobs }] of parsed.output.choices.entries())
      losses[index] = lossOf(logprobs, texts[index]!.length);
    return losses;
  };
  return {
    name: 'servedloss',
    description: `loss of ${client.model}`,
    unit: '1/1,000 nat',
    scale: 1_000,
    batchSize: client.textsAtOnce,
    measure: (samples, { start }) =>
      client.each(
        samples.map((sample, k) => fieldOf(sample, client.field, start + k)),
        ask,
      ),
  };
}

function lossOf(
  { token_logprobs, text_offset }: v.InferOutput<typeof answer>['choices'][number]['logprobs'],
  characters: number,
): number {
  // A server that cannot generate nothing adds a token after the prompt.
  const own = token_logprobs.filter((_, k) => text_offset?.[k] === undefined || text_offset[k] < characters);
  const known = own.filter((value) => value !== null);
  return known.length === 0 ? 0 : -known.reduce((sum, value) => sum + value, 0) / known.length;
}
