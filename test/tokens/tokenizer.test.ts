import { readFileSync } from 'node:fs';
import { loadTokenizer, renderChat } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
import { ObjectServer } from '../storage/object-server.js';
import { goldenFolder, goldenTokenizers, goldenVectors } from './golden-tokenizer.js';

describe.each(goldenTokenizers)('the tokenizer %s', (name) => {
  const vectors = goldenVectors(name);

  it('encodes and decodes as Hugging Face tokenizers does', async () => {
    const tokenizer = await loadTokenizer(goldenFolder(name));
    for (const { text, ids, idsWithSpecial, decoded, decodedWithoutSpecial } of vectors.texts) {
      expect(tokenizer.encode(text, { addSpecialTokens: false }), text).toEqual(ids);
      expect(tokenizer.encode(text), text).toEqual(idsWithSpecial);
      expect(tokenizer.decode(ids), text).toBe(decoded);
      if (decodedWithoutSpecial !== undefined)
        expect(tokenizer.decode(ids, { skipSpecialTokens: true }), text).toBe(decodedWithoutSpecial);
    }
  });

  it('renders conversations as transformers does', async () => {
    const tokenizer = await loadTokenizer(goldenFolder(name));
    for (const { messages, tools, addGenerationPrompt, text, ids } of vectors.conversations)
      expect(await renderChat(tokenizer, messages, { tools, addGenerationPrompt })).toEqual({
        text,
        inputIds: ids,
      });
  });

  it('says which part of the text each token covers', async () => {
    const tokenizer = await loadTokenizer(goldenFolder(name));
    for (const { text } of vectors.conversations) {
      const { ids, starts, ends } = tokenizer.spans(text!);
      expect(ids).toEqual(tokenizer.encode(text!, { addSpecialTokens: false }));
      let covered = 0;
      for (const [k, start] of starts.entries()) {
        expect(start).toBeLessThanOrEqual(covered);
        covered = Math.max(covered, ends[k]!);
      }
      expect(covered).toBe(text!.length);
    }
  });
});

describe('loadTokenizer', () => {
  it('ignores a missing file, and fails if one cannot be read', async () => {
    const server = await new ObjectServer().start();
    const bytes = readFileSync(`${goldenFolder('qwen-like')}/tokenizer.json`);
    const alone = await loadTokenizer(server.put('/alone/tokenizer.json', bytes));
    expect(alone.chatTemplate).toBeUndefined();
    server.onRequest = ({ url }, response) => {
      if (!url!.includes('config')) return undefined;
      response.writeHead(403).end();
      return true;
    };
    await expect(loadTokenizer(server.put('/refused/tokenizer.json', bytes))).rejects.toMatchObject({
      code: 'ERR_MILLRACE_STORAGE',
      where: { status: 403 },
    });
    await server.stop();
  });

  it('renders no range beyond that of the sandbox of Jinja', async () => {
    const tokenizer = await loadTokenizer(goldenFolder('qwen-like'));
    const render = (count: number) =>
      renderChat(tokenizer, [], { template: `{% for i in range(${count}) %}{% endfor %}ok` });
    expect((await render(100_000)).text).toBe('ok');
    await expect(render(100_001)).rejects.toThrow(/range is longer than 100000/);
  });
});
