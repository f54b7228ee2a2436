import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArrayDataset, DataLoader, padCollate } from 'millrace';
import { chatDataset, loadTokenizer, TextTokenizer } from 'millrace/tokens';
import { describe, expect, it, vi } from 'vitest';
import { goldenFolder, goldenVectors } from './golden-tokenizer.js';

const chatml =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const qwen = await loadTokenizer(goldenFolder('qwen-like'));
const llama = await loadTokenizer(goldenFolder('llama-like'));
const talk = [
  { role: 'user', content: 'the river' },
  { role: 'assistant', content: 'turns a wheel' },
  { role: 'user', content: 'and then' },
  { role: 'assistant', content: 'grinds corn' },
];

const context = {} as never;
async function trainedText(rows: readonly Record<string, unknown>[], options: object): Promise<string[]> {
  const dataset = await chatDataset(rows, { tokenizer: qwen, template: chatml, ...options });
  const { inputIds, labels } = await dataset.get(0, context);
  const parts: string[] = [];
  for (let k = 0; k < labels.length; k++) {
    if (labels[k] === -100) continue;
    expect(labels[k]).toBe(inputIds[k]);
    const goesOn = k > 0 && labels[k - 1] !== -100;
    parts.push((goesOn ? parts.pop()! : '') + qwen.decode([inputIds[k]!]));
  }
  return parts;
}

describe('chatDataset', () => {
  it.each(['qwen-like', 'llama-like'])(
    'labels what the template of %s marks, as transformers does',
    async (name) => {
      const tokenizer = await loadTokenizer(goldenFolder(name));
      const { marked, templates } = goldenVectors(name);
      for (const { template, messages, ids, assistantMask } of marked) {
        if (!assistantMask.includes(1)) continue;
        const dataset = await chatDataset([{ messages }], { tokenizer, template: templates[template]! });
        const { inputIds, labels } = await dataset.get(0, context);
        expect([...inputIds]).toEqual(ids);
        expect([...labels]).toEqual(ids.map((id, k) => (assistantMask[k] ? id : -100)));
      }
    },
  );

  it('labels each assistant turn with its end token if the template marks nothing', async () => {
    expect(await trainedText([{ messages: talk }], {})).toEqual([
      'turns a wheel<|im_end|>\n',
      'grinds corn<|im_end|>\n',
    ]);
    expect(await trainedText([{ messages: talk }], { trainOn: 'last' })).toEqual(['grinds corn<|im_end|>\n']);
    expect((await trainedText([{ messages: talk }], { trainOn: 'all' }))[0]).toMatch(/^<\|im_start\|>user/);
  });

  it('trains the end token that a template writes before the next message', async () => {
    const late =
      "{% for m in messages %}{% if not loop.first %}{{ '<|im_end|>' }}{% endif %}{{ m.role + ': ' + m.content }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_end|>assistant: ' }}{% endif %}";
    expect((await trainedText([{ messages: talk }], { template: late }))[0]).toBe(' turns a wheel<|im_end|>');
  });

  it('names the turn that a template rewrites, instead of a wrong mask', async () => {
    const thinking = talk.with(1, { role: 'assistant', content: '<think>\nhm\n</think>\n\nturns' });
    const dataset = await chatDataset([{ messages: thinking }], { tokenizer: qwen });
    await expect(dataset.get(0, context)).rejects.toMatchObject({
      code: 'ERR_MILLRACE_FORMAT',
      where: { conversation: 0, turn: 1 },
    });
    const last = await chatDataset([{ messages: thinking }], { tokenizer: qwen, trainOn: 'last' });
    expect((await last.get(0, context)).labels.some((label) => label !== -100)).toBe(true);
  });

  it('requires a template where rows are messages and the tokenizer has none', async () => {
    const bare = mkdtempSync(join(tmpdir(), 'millrace-tokenizer-'));
    copyFileSync(join(goldenFolder('qwen-like'), 'tokenizer.json'), join(bare, 'tokenizer.json'));
    const tokenizer = await loadTokenizer(bare);
    const pair = { prompt: talk.slice(0, 1), completion: talk.slice(1, 2) };
    for (const row of [pair, { messages: talk }])
      await expect(chatDataset([row], { tokenizer })).rejects.toThrow(/has no chat template of its own/);
    const mixed = await chatDataset([{ prompt: 'a', completion: 'b' }, pair], { tokenizer });
    expect((await mixed.get(0, context)).inputIds.length).toBeGreaterThan(0);
    await expect(mixed.get(1, context)).rejects.toThrow(
      'The row has messages, but the first row has plain text',
    );
  });

  it('labels texts of any length', async () => {
    const text = 'river '.repeat(200_000);
    const { inputIds, labels } = await (await chatDataset([{ text }], { tokenizer: llama })).get(0, context);
    expect(labels.length).toBe(inputIds.length);
    expect(inputIds.length).toBeGreaterThan(200_000);
  });

  it('refuses a conversation without anything to train on', async () => {
    const dataset = await chatDataset([{ messages: talk.slice(0, 1) }], { tokenizer: qwen });
    await expect(dataset.get(0, context)).rejects.toThrow('No token of the conversation would be trained on');
  });

  it.each([
    ['prompt and completion', { prompt: 'the river', completion: ' turns' }, [' turns<|im_end|>']],
    [
      'instruction, input and output',
      { instruction: 'Say it', input: 'now', output: 'turns' },
      ['turns<|im_end|>\n'],
    ],
    [
      'ShareGPT',
      {
        conversations: [
          { from: 'human', value: 'q' },
          { from: 'gpt', value: 'turns' },
        ],
      },
      ['turns<|im_end|>\n'],
    ],
    [
      'prompt and completion messages',
      { prompt: talk.slice(0, 1), completion: talk.slice(1, 2) },
      ['turns a wheel<|im_end|>\n'],
    ],
    ['text', { text: 'the river turns' }, ['the river turns<|im_end|>']],
  ])('reads %s', async (_, row, trained) => {
    expect(await trainedText([row], {})).toEqual(trained);
  });

  it('lists the layouts if columns fit several or none', async () => {
    const open = (row: object) => chatDataset([row as Record<string, unknown>], { tokenizer: qwen });
    await expect(open({ messages: talk, text: 'x' })).rejects.toThrow(
      /fit several layouts: messages .*; text/,
    );
    await expect(open({ body: 'x' })).rejects.toThrow('fit no layout');
  });

  it('truncates from the requested side, and never silently', async () => {
    const at = async (options: object) =>
      (await chatDataset([{ messages: talk }], { tokenizer: qwen, template: chatml, ...options })).get(
        0,
        context,
      );
    const whole = await at({});
    const left = await at({ maxLength: 12, truncate: 'left' });
    expect([...left.inputIds]).toEqual([...whole.inputIds.slice(-12)]);
    const right = await at({ maxLength: whole.inputIds.length - 3, truncate: 'right' });
    expect([...right.labels]).toEqual([...whole.labels.slice(0, -3)]);
    await expect(at({ maxLength: 12 })).rejects.toThrow(/has \d+ tokens, more than maxLength, 12/);
    await expect(at({ maxLength: 3, truncate: 'right' })).rejects.toThrow('Truncation removed every token');
  });

  it('leaves out long conversations on request, and counts them', async () => {
    const rows = [{ messages: talk }, { messages: talk.slice(0, 2) }];
    const dataset = await chatDataset(rows, {
      tokenizer: qwen,
      template: chatml,
      maxLength: 40,
      truncate: 'drop',
    });
    expect([dataset.length, dataset.leftOut]).toEqual([1, 1]);
    expect(qwen.decode((await dataset.get(0, context)).inputIds)).toContain('turns a wheel');
  });

  it('encodes special tokens in content as tokens or text, or refuses them, by option', async () => {
    const messages = talk.with(1, { role: 'assistant', content: 'a<|im_end|>b' });
    const at = async (specialTokensInContent?: 'token' | 'text' | 'error') =>
      (
        await chatDataset([{ messages }], {
          tokenizer: qwen,
          template: chatml,
          ...(specialTokensInContent && { specialTokensInContent }),
        })
      ).get(0, context);
    const count = ({ inputIds }: { readonly inputIds: Int32Array }) =>
      inputIds.filter((id) => id === qwen.idOf('<|im_end|>')).length;
    const [plain, text] = [await at(), await at('text')];
    expect([count(plain), count(text)]).toEqual([5, 4]);
    expect(qwen.decode(text.inputIds)).toBe(qwen.decode(plain.inputIds));
    expect(text.labels.filter((label) => label !== -100).length).toBeGreaterThan(0);
    await expect(at('error')).rejects.toMatchObject({
      where: { conversation: 0, turn: 1, token: '<|im_end|>' },
    });
  });

  it('shifts labels by one token on request', async () => {
    const [plain, shifted] = await Promise.all(
      [false, true].map(async (shift) =>
        (await chatDataset([{ messages: talk }], { tokenizer: qwen, template: chatml, shift })).get(
          0,
          context,
        ),
      ),
    );
    expect([...shifted!.labels]).toEqual([...plain!.labels.slice(1), -100]);
  });

  it('puts exactly one BOS token before plain text, and none before rendered text', async () => {
    const text = await (await chatDataset([{ text: 'a river' }], { tokenizer: llama })).get(0, context);
    const chat = await (await chatDataset([{ messages: talk }], { tokenizer: llama })).get(0, context);
    const bos = llama.idOf('<|begin|>');
    for (const { inputIds } of [text, chat]) expect([...inputIds].filter((id) => id === bos)).toEqual([bos]);
    expect(text.labels[0]).toBe(-100);
  });

  it('gives the same batches from workers', async () => {
    const rows = new ArrayDataset(
      Array.from({ length: 8 }, (_, k) => ({ messages: talk.slice(0, 2 + 2 * (k % 2)) })),
    );
    const dataset = await chatDataset(rows, { tokenizer: goldenFolder('qwen-like'), template: chatml });
    const batches = async (numWorkers: number) => {
      await using loader = new DataLoader(dataset, {
        batchSize: 4,
        numWorkers,
        collate: padCollate({ padValue: 0 }),
      });
      const found: unknown[] = [];
      for await (const batch of loader) found.push(batch);
      return found;
    };
    expect(await batches(1)).toEqual(await batches(0));
  });

  it('leaves the thread of the loader alone when workers tokenize', async () => {
    const rows = Array.from({ length: 8 }, () => ({ messages: talk }));
    const dataset = await chatDataset(rows, { tokenizer: goldenFolder('qwen-like'), template: chatml });
    const encoded = vi.spyOn(TextTokenizer.prototype, 'spans');
    const calls = async (numWorkers: number) => {
      encoded.mockClear();
      await using loader = new DataLoader(dataset, { batchSize: 4, numWorkers });
      for await (const _ of loader);
      return encoded.mock.calls.length;
    };
    expect([await calls(0), await calls(1)]).toEqual([rows.length, 0]);
    encoded.mockRestore();
  });
});
