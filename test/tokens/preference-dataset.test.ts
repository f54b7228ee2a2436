import fc from 'fast-check';
import { DataLoader, padCollate } from 'millrace';
import { loadTokenizer, preferenceDataset, promptDataset } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from './golden-tokenizer.js';

const template =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const tokenizer = await loadTokenizer(goldenFolder('qwen-like'));
const llama = await loadTokenizer(goldenFolder('llama-like'));
const options = { tokenizer, template };
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const context = {} as never;
const history = [user('the river'), assistant('turns'), user('a wheel')];

interface Labeled {
  readonly inputIds: Int32Array;
  readonly labels: Int32Array;
}

function trained({ inputIds, labels }: Labeled): string {
  return tokenizer.decode(inputIds.filter((_, k) => labels[k] !== -100));
}

function prompt({ inputIds, labels }: Labeled): string {
  return tokenizer.decode(
    inputIds.slice(
      0,
      labels.findIndex((label) => label !== -100),
    ),
  );
}

describe('preferenceDataset', () => {
  it.each([
    [
      'without a prompt, everything up to the last turn',
      { chosen: [...history, assistant('yes')], rejected: [...history, assistant('no')] },
    ],
    [
      'with a prompt of messages',
      { prompt: history, chosen: [assistant('yes')], rejected: [assistant('no')] },
    ],
    ['with answers as texts', { prompt: history, chosen: 'yes', rejected: 'no' }],
  ])('shares the prompt of both answers: %s', async (_, row) => {
    const { chosen, rejected } = await (await preferenceDataset([row], options)).get(0, context);
    expect(trained(chosen)).toBe('yes<|im_end|>\n');
    expect(trained(rejected)).toBe('no<|im_end|>\n');
    expect(prompt(chosen)).toBe(prompt(rejected));
    expect(prompt(chosen)).toMatch(/a wheel<\|im_end\|>\n<\|im_start\|>assistant\n$/);
  });

  it('reads texts with their prompt, and refuses texts without', async () => {
    const texts = { chosen: ' turns', rejected: ' stops' };
    const { chosen } = await (await preferenceDataset([{ prompt: 'the river', ...texts }], options)).get(
      0,
      context,
    );
    expect([prompt(chosen), trained(chosen)]).toEqual(['the river', ' turns<|im_end|>']);
    await expect(preferenceDataset([texts], options)).rejects.toThrow('prompt is missing');
  });

  it('refuses answers to different prompts', async () => {
    const row = { chosen: [user('a'), assistant('x')], rejected: [user('b'), assistant('y')] };
    await expect(preferenceDataset([row], options)).rejects.toMatchObject({
      message: expect.stringContaining('so they share no prompt'),
      where: { conversation: 0, field: 'rejected' },
    });
  });

  it('leaves out and counts pairs that say nothing, before or after truncation', async () => {
    const pair = (chosen: string, rejected: string) => ({ prompt: history, chosen, rejected });
    const rows = [pair('same', 'same'), pair('one two', 'three'), pair('grinding corn a', 'grinding corn b')];
    const whole = await preferenceDataset(rows, options);
    expect([whole.length, whole.leftOut]).toEqual([2, 1]);
    const longest = (await whole.get(1, context)).chosen.inputIds.length;
    const cut = await preferenceDataset(rows, { ...options, maxLength: longest - 3, truncate: 'right' });
    expect([cut.length, cut.leftOut]).toEqual([1, 2]);
    expect(trained((await cut.get(0, context)).chosen)).toMatch(/^one two/);
  });

  it('cuts the shared prompt alike on the left', async () => {
    const row = { prompt: history, chosen: 'a long answer of words', rejected: 'short' };
    const whole = await (await preferenceDataset([row], options)).get(0, context);
    const maxLength = whole.chosen.inputIds.length - 5;
    const { chosen, rejected } = await (
      await preferenceDataset([row], { ...options, maxLength, truncate: 'left' })
    ).get(0, context);
    expect([...chosen.inputIds]).toEqual([...whole.chosen.inputIds.slice(5)]);
    expect([...rejected.inputIds]).toEqual([...whole.rejected.inputIds.slice(5)]);
  });

  it('pads pairs field by field and gives the same batches from workers', async () => {
    const rows = Array.from({ length: 6 }, (_, k) => ({
      prompt: history,
      chosen: 'x'.repeat(k + 1),
      rejected: 'no',
    }));
    const dataset = await preferenceDataset(rows, { ...options, tokenizer: goldenFolder('qwen-like') });
    const batches = async (numWorkers: number) => {
      await using loader = new DataLoader(dataset, {
        batchSize: 3,
        numWorkers,
        collate: padCollate({ padValue: dataset.padValues }),
      });
      const found = [];
      for await (const batch of loader) found.push(batch);
      return found;
    };
    const [first] = await batches(0);
    const { inputIds, labels } = first!.chosen;
    const padded = tokenizer.idOf(tokenizer.padToken!)!;
    expect(labels.shape).toEqual(inputIds.shape);
    expect([inputIds.data[inputIds.shape[1]! - 1], labels.data[inputIds.shape[1]! - 1]]).toEqual([
      padded,
      -100,
    ]);
    expect(await batches(1)).toEqual(await batches(0));
  });

  it('keeps the answers of a pair together in a transform, with one generator', async () => {
    const rows = Array.from({ length: 8 }, (_, k) => ({
      prompt: history,
      chosen: `a ${k}`,
      rejected: `b ${k}`,
    }));
    const dataset = await preferenceDataset(rows, options);
    const draws = new Set<number>();
    await using loader = new DataLoader(dataset, {
      batchSize: 1,
      shuffle: true,
      transform: (pair, { rng }) => {
        draws.add(rng.float());
        expect(trained(pair.chosen) + trained(pair.rejected)).toMatch(/^a (\d)<\|im_end\|>\nb \1</);
        return pair;
      },
      collate: padCollate({ padValue: dataset.padValues }),
    });
    for await (const _ of loader);
    expect(draws.size).toBe(8);
  });
});

describe('promptDataset', () => {
  it.each([
    ['a prompt of messages', { prompt: history }],
    ['a conversation without its last answer', { messages: [...history, assistant('turns')] }],
    [
      'the prompt of a pair',
      { chosen: [...history, assistant('a')], rejected: [...history, assistant('b')] },
    ],
    ['the prompt of a completion', { prompt: history, completion: [assistant('a')] }],
  ])('ends %s with the header of an answer', async (_, row) => {
    const { inputIds, attentionMask } = await (await promptDataset([row], options)).get(0, context);
    expect(tokenizer.decode(inputIds)).toMatch(/a wheel<\|im_end\|>\n<\|im_start\|>assistant\n$/);
    expect([...attentionMask]).toEqual(Array.from(inputIds, () => 1));
  });

  it('starts a text with exactly one BOS token, and ends it with none', async () => {
    const { inputIds } = await (await promptDataset([{ prompt: 'a river' }], { tokenizer: llama })).get(
      0,
      context,
    );
    expect([...inputIds]).toEqual(llama.encode('a river'));
  });

  it('pads on the left for every batch: the mask marks the prompts, which end in the last column', async () => {
    const words = fc.array(fc.constantFrom('the', 'river', 'turns', '水車'), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(words, { minLength: 1, maxLength: 5 }), async (prompts) => {
        const rows = prompts.map((prompt) => ({ prompt: prompt.join(' ') }));
        const dataset = await promptDataset(rows, options);
        const samples = await Promise.all(rows.map((_, k) => dataset.get(k, context)));
        const { inputIds, attentionMask } = padCollate({ padValue: dataset.padValues, side: 'left' })(
          samples,
        );
        const [, width] = inputIds.shape as [number, number];
        for (const [k, sample] of samples.entries()) {
          const row = inputIds.data.subarray(k * width, (k + 1) * width);
          const mask = attentionMask.data.subarray(k * width, (k + 1) * width);
          const start = width - sample.inputIds.length;
          expect([...row.subarray(start)]).toEqual([...sample.inputIds]);
          expect([...mask]).toEqual(Array.from(row, (_, at) => (at < start ? 0 : 1)));
        }
      }),
      { numRuns: 20 },
    );
  });

  it('cuts long prompts on the left, or leaves them out and counts them', async () => {
    const rows = [{ prompt: history }, { prompt: history.slice(0, 1) }];
    const whole = await (await promptDataset(rows, options)).get(0, context);
    const maxLength = whole.inputIds.length - 2;
    const cut = await promptDataset(rows, { ...options, maxLength, truncate: 'left' });
    expect([...(await cut.get(0, context)).inputIds]).toEqual([...whole.inputIds.slice(2)]);
    const dropped = await promptDataset(rows, { ...options, maxLength, truncate: 'drop' });
    expect([dropped.length, dropped.leftOut]).toEqual([1, 1]);
    await expect((await promptDataset(rows, { ...options, maxLength })).get(0, context)).rejects.toThrow(
      /more than maxLength/,
    );
  });
});
