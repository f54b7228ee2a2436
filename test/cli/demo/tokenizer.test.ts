import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CompactTokenizer, startToken } from '../../../dist/cli/demo/tokenizer.js';

const texts = [
  'export declare function read(path: string): Promise<string>;\n'.repeat(20),
  '# Reading\n\nRead a file.\n',
];

describe('CompactTokenizer', () => {
  let tokenizer: CompactTokenizer;
  beforeAll(async () => {
    tokenizer = await CompactTokenizer.fit(texts, 270);
  });

  it('gives back every text exactly', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
    );
    for (const text of [...texts, 'naïve 😀 漢字 \u{10ffff}', '\ufeffmark', '<|endoftext|>', '']) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });

  it('keeps to the size of its vocabulary and leaves the start token to others', () => {
    expect(tokenizer.vocabularySize).toBe(270);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => {
        for (const token of tokenizer.encode(text)) {
          expect(token).toBeGreaterThan(startToken);
          expect(token).toBeLessThan(270);
        }
      }),
    );
  });

  it('spends its pieces on what saves most tokens', async () => {
    const size = (of: CompactTokenizer) => texts.reduce((sum, text) => sum + of.encode(text).length, 0);
    const bytesOnly = await CompactTokenizer.fit(texts, 257);
    expect(size(bytesOnly)).toBe(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
    expect(size(tokenizer)).toBeLessThan(size(bytesOnly) / 3);
  });

  it('is the same after a trip through JSON', async () => {
    const again = await CompactTokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer)));
    expect(again.encode(texts[0]!)).toEqual(tokenizer.encode(texts[0]!));
    expect(again.vocabularySize).toBe(270);
  });

  it.each([[null], [{}], [{ format: 'millrace-compact-tokenizer', version: 2 }]])(
    'refuses %j',
    async (description) => {
      await expect(CompactTokenizer.fromJSON(description)).rejects.toMatchObject({
        code: 'ERR_MILLRACE_FORMAT',
      });
    },
  );
});
