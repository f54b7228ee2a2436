import { chatDataset, loadTokenizer } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { goldenFolder } from './golden-tokenizer.js';

const tokenizer = await loadTokenizer(goldenFolder('qwen-like'));
/** Shows roles, texts, the places of images, and tool calls. */
const template =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{ '[image]' if p.type == 'image' else p.text }}{% endfor %}{% endif %}{% for c in m.tool_calls or [] %}{{ '[call ' + c.function.name + ' ' + c.function.arguments.n | string + ']' }}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
type Row = Readonly<Record<string, unknown>>;

async function read(row: Row) {
  const dataset = await chatDataset([row], { tokenizer, template });
  const { inputIds, labels, images } = await dataset.get(0, {} as never);
  const trained = inputIds.filter((_, k) => labels[k] !== -100);
  return { text: tokenizer.decode(inputIds), trained: tokenizer.decode(trained), images };
}

describe('the layouts of conversations', () => {
  it.each<[string, Row, string]>([
    [
      'a system text beside ShareGPT',
      {
        system: 'be brief',
        conversations: [
          { from: 'human', value: 'q' },
          { from: 'gpt', value: 'a' },
        ],
      },
      'system\nbe brief',
    ],
    [
      'a role that ShareGPT data calls model',
      {
        conversations: [
          { from: 'user', value: 'q' },
          { from: 'model', value: 'a' },
        ],
      },
      'assistant\na',
    ],
    [
      'calls of functions in ShareGPT',
      {
        conversations: [
          { from: 'human', value: 'q' },
          { from: 'function_call', value: '{"name":"f","arguments":{"n":3}}' },
          { from: 'observation', value: '4' },
          { from: 'gpt', value: 'a' },
        ],
      },
      'assistant\n[call f 3]<|im_end|>\n<|im_start|>tool\n4',
    ],
    [
      'tool calls in messages',
      {
        messages: [
          user('q'),
          {
            role: 'assistant',
            content: '',
            tool_calls: [{ type: 'function', function: { name: 'f', arguments: { n: 3 } } }],
          },
        ],
      },
      '[call f 3]',
    ],
  ])('reads %s', async (_, row, text) => {
    expect((await read(row)).text).toContain(text);
  });

  it('trains on no answer inside a prompt', async () => {
    const prompt = [user('one'), assistant('first'), user('two')];
    expect((await read({ prompt, completion: [assistant('second')] })).trained).toBe('second<|im_end|>\n');
    expect((await read({ prompt, completion: 'second' })).trained).toBe('second<|im_end|>\n');
    const marked = template.replace(
      '{{ m.content }}',
      "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}",
    );
    const dataset = await chatDataset([{ prompt, completion: [assistant('second')] }], {
      tokenizer,
      template: marked,
    });
    const { inputIds, labels } = await dataset.get(0, {} as never);
    expect(tokenizer.decode(inputIds.filter((_, k) => labels[k] !== -100))).toBe('second');
  });

  it('passes references to images on, in the order in which the text shows them', async () => {
    const answer = assistant('a');
    expect(await read({ messages: [user('look'), answer], images: ['a.png', 'b.png'] })).toMatchObject({
      text: expect.stringContaining('user\n[image][image]look'),
      images: ['a.png', 'b.png'],
    });
    expect(
      await read({
        conversations: [
          { from: 'human', value: 'see <image> here' },
          { from: 'gpt', value: 'a' },
        ],
        image: 'a.png',
      }),
    ).toMatchObject({
      text: expect.stringContaining('see [image] here'),
      images: ['a.png'],
    });
    const parts = [{ type: 'image', image: 'first.png' }, { type: 'image' }, { type: 'text', text: 'x' }];
    expect((await read({ messages: [user(parts), answer], images: ['second.png'] })).images).toEqual([
      'first.png',
      'second.png',
    ]);
    expect((await read({ messages: [user(parts.slice(0, 1)), answer] })).images).toEqual(['first.png']);
    await expect(read({ messages: [user(parts), answer] })).rejects.toThrow(
      'a message has a place for an image',
    );
    await expect(read({ messages: [user('<image>'), answer], images: ['a', 'b'] })).rejects.toThrow(
      'images has 2 images, and the messages have places for 1',
    );
  });

  it.each<[Row, RegExp]>([
    [
      { prompt: 'p', completion: 'c', label: false },
      /several layouts: prompt-completion .*; rated \(prompt, completion, label\)/,
    ],
    [{ instruction: 'i', output: 'o', text: 't' }, /several layouts: instruction .*; text/],
    [{ prompt: 'p', chosen: 'a', rejected: 'b' }, /use preferenceDataset/],
    [{ prompt: 'p' }, /use promptDataset/],
    [{ body: 'x' }, /fit no layout of conversations; known are messages \(messages\)/],
  ])('refuses columns of %j', async (row, message) => {
    await expect(chatDataset([row], { tokenizer })).rejects.toThrow(message);
  });

  it('takes a prompt beside messages for a copy, as many data sets have it', async () => {
    expect((await read({ prompt: 'q', messages: [user('q'), assistant('a')] })).trained).toBe(
      'a<|im_end|>\n',
    );
  });

  it('gives the template further variables, which decide what a generation prompt supplies', async () => {
    const thinking =
      "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}{% if m.role == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{{ m.content + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{% endif %}";
    const trained = async (templateVariables: Row) => {
      const dataset = await chatDataset([{ messages: [user('q'), assistant('a')] }], {
        tokenizer,
        template: thinking,
        templateVariables,
      });
      const { inputIds, labels } = await dataset.get(0, {} as never);
      return tokenizer.decode(inputIds.filter((_, k) => labels[k] !== -100));
    };
    expect(await trained({})).toBe('<think>\n\n</think>\n\na<|im_end|>\n');
    expect(await trained({ enable_thinking: false })).toBe('a<|im_end|>\n');
  });
});
