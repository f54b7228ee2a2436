import { loadTokenizer, renderChat } from 'millrace/tokens';
import { describe, expect, it } from 'vitest';
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
