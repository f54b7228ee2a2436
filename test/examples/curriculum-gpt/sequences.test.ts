import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutIntoSequences } from '../../../examples/curriculum-gpt/sequences.js';

const encode = (text: string) => [...Buffer.from(text)].map((byte) => byte + 1);
const decode = (tokens: Uint16Array) =>
  Buffer.from([...tokens.subarray(1)].map((token) => token - 1)).toString();
const cut = (texts: readonly string[], minTokens: number, maxTokens: number) => [
  ...cutIntoSequences(
    texts.map((text, i) => ({ name: `${i}`, kind: 'text' as const, text, byteLength: text.length })),
    encode,
    { minTokens, maxTokens },
  ),
];

describe('cutIntoSequences', () => {
  it('cuts at blank lines and after sentences and declarations', () => {
    const text = 'A sentence that\ngoes on.\nAnother one\n\ninterface A {\n  b: c;\n  d: e;\n}\n';
    expect(cut([text], 2, 100).map(({ tokens }) => decode(tokens))).toEqual([
      'A sentence that\ngoes on.\n',
      'Another one\n',
      'interface A {\n  b: c;\n',
      '  d: e;\n',
      '}\n',
    ]);
  });

  it('keeps every length between the limits, including the start token', () => {
    const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '.', '\n', ';'), maxLength: 400 }), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 2, max: 10 }),
        fc.integer({ min: 20, max: 60 }),
        (all, min, max) => {
          for (const { tokens } of cut(all, min, max)) {
            expect(tokens[0]).toBe(0);
            expect(tokens.length).toBeGreaterThanOrEqual(min);
            expect(tokens.length).toBeLessThanOrEqual(max);
          }
        },
      ),
    );
  });

  it('joins short blocks with the next one', () => {
    expect(cut(['a\n\nb\n\nccccc\n'], 5, 100).map(({ tokens }) => decode(tokens))).toEqual([
      'a\nb\n',
      'ccccc\n',
    ]);
  });

  it('splits long blocks into pieces of nearly equal length', () => {
    expect(cut(['abcdefghij'], 2, 5).map(({ tokens }) => decode(tokens))).toEqual(
      ['abcd', 'efg', 'hij\n'].map(String),
    );
  });

  it('yields a repeated sequence once, with its first document', () => {
    expect(
      cut(['one\n\ntwo', 'two\n\nthree'], 2, 100).map(({ tokens, document }) => [decode(tokens), document]),
    ).toEqual([
      ['one\n', 0],
      ['two\n', 0],
      ['three\n', 1],
    ]);
  });
});
