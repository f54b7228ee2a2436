import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CompactTokenizer, startToken } from '../../../examples/curriculum-gpt/tokenizer.js';

const texts = [
  'export declare function read(path: string): Promise<string>;\n'.repeat(20),
  '# Reading\n\nRead a file.\n',
];

describe('CompactTokenizer', () => {
  let tokenizer: CompactTokenizer;
  beforeAll(async () => {
    tokenizer = CompactTokenizer.fit(texts, 270);
  });

  it('decodes every text exactly', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
    );
    for (const text of [...texts, 'naïve 😀 漢字 \u{10ffff}', '\ufeffmark', '<|endoftext|>', '']) {
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }
  });

  it('stays within its vocabulary and never emits the start token', () => {
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

  it('chooses the pieces that save the most tokens', () => {
    const size = (of: CompactTokenizer) => texts.reduce((sum, text) => sum + of.encode(text).length, 0);
    const bytesOnly = CompactTokenizer.fit(texts, 257);
    expect(size(bytesOnly)).toBe(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
    expect(size(tokenizer)).toBeLessThan(size(bytesOnly) / 3);
  });

  it('survives a round trip through JSON', () => {
    const again = CompactTokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer)));
    expect(again.encode(texts[0]!)).toEqual(tokenizer.encode(texts[0]!));
    expect(again.vocabularySize).toBe(270);
  });

  it.each([[null], [{}], [{ format: 'millrace-compact-tokenizer', version: 2 }]])(
    'refuses %j',
    (description) => {
      expect(() => CompactTokenizer.fromJSON(description)).toThrow(
        /not the description of a compact tokenizer/,
      );
    },
  );
});
