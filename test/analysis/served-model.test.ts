import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { embeddingDistance, type Metric, servedLoss } from 'millrace/analysis';
import { ConfigError, FormatError, StorageError } from 'millrace/errors';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

/** The answer to a request, or a status. */
let respond: (path: string, body: { prompt: string[]; input: string[] }) => object | number;
let asked: { path: string; key: string | undefined; texts: number }[] = [];
const server = createServer(async (request, response) => {
  const body = (await json(request)) as { prompt: string[]; input: string[] };
  asked.push({
    path: request.url!,
    key: request.headers.authorization,
    texts: (body.prompt ?? body.input).length,
  });
  const answer = respond(request.url!, body);
  if (typeof answer === 'number') response.writeHead(answer).end('busy');
  else response.end(JSON.stringify(answer));
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`;
});
afterAll(() => server.close());
beforeEach(() => {
  asked = [];
});

const measure = async (metric: Metric, samples: readonly unknown[]) =>
  Array.from((await metric.measure(samples, { start: 0 } as never)) as number[]);

/** Each word has the probability 1/2, the first none; one more token is generated after the prompt. */
const completions = (_path: string, { prompt }: { prompt: string[] }) => ({
  // In reverse: the index counts.
  choices: prompt
    .map((text, index) => {
      const words = text.split(' ');
      const offsets = words.map((_, k) => words.slice(0, k).join(' ').length);
      return {
        index,
        logprobs: {
          token_logprobs: [null, ...words.slice(1).map(() => Math.log(0.5)), -50],
          text_offset: [...offsets, text.length],
        },
      };
    })
    .reverse(),
});

it('measures the loss of the prompt alone, in order, in requests of the batch size', async () => {
  respond = completions;
  const metric = servedLoss({ url, model: 'm', apiKey: 'key', batchSize: 2, concurrency: 1 });
  const values = await measure(metric, ['a b c', 'one', { text: 'x y' }]);
  expect(values).toEqual([Math.log(2), 0, Math.log(2)]);
  expect(asked).toEqual([
    { path: '/v1/completions', key: 'Bearer key', texts: 2 },
    { path: '/v1/completions', key: 'Bearer key', texts: 1 },
  ]);
  expect(metric).toMatchObject({ name: 'servedloss', scale: 1_000, batchSize: 2 });
});

it('tries again what passes, and reports what does not without the key', async () => {
  let failures = 2;
  respond = (path, body) => (failures-- > 0 ? 503 : completions(path, body));
  const options = { url, model: 'm', apiKey: 'secret', retryMs: 0 };
  expect(await measure(servedLoss(options), ['a b'])).toEqual([Math.log(2)]);
  expect(asked.length).toBe(3);
  respond = () => 404;
  const missing = measure(servedLoss(options), ['a b']);
  await expect(missing).rejects.toThrow(StorageError);
  await expect(missing).rejects.toThrow(/status 404/);
  await expect(missing).rejects.not.toThrow(/secret/);
  expect(asked.length).toBe(4);
  respond = () => ({ choices: [{ text: 'no logprobs' }] });
  await expect(measure(servedLoss(options), ['a b'])).rejects.toThrow(FormatError);
  respond = () => ({ choices: [] });
  await expect(measure(servedLoss(options), ['a b'])).rejects.toThrow(/0 answers for 1 texts/);
  expect(() => servedLoss({ url: 'localhost', model: 'm' })).toThrow(ConfigError);
});

it('measures the distance to the nearest reference, whose embeddings it asks for once', async () => {
  const vectors: Record<string, number[]> = {
    east: [3, 0],
    north: [0, 2],
    'far east': [9, 0],
    between: [1, 1],
  };
  respond = (_path, { input }) => ({
    data: input.map((text, index) => ({ index, embedding: vectors[text] ?? [-1, 0] })),
  });
  const metric = embeddingDistance({ url, model: 'm', references: ['east', 'north'] });
  expect((await measure(metric, ['far east', 'between'])).map((value) => Number(value.toFixed(6)))).toEqual([
    0, 0.292893,
  ]);
  expect(await measure(metric, ['west'])).toEqual([1]);
  expect(asked.map(({ texts }) => texts)).toEqual([2, 2, 1]);
  expect(() => embeddingDistance({ url, model: 'm', references: [] })).toThrow(ConfigError);
});
