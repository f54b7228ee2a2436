import fc from 'fast-check';
import { expect, it } from 'vitest';
import { checkedJson, parseCheckedJson } from '../../dist/core/checked-json.js';

const content = fc.dictionary(fc.string(), fc.jsonValue()).filter((value) => !('checksum' in value));

it('returns what was written', () => {
  fc.assert(
    fc.property(content, (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as unknown;
      expect(parseCheckedJson(checkedJson(value))).toEqual(plain);
      expect(parseCheckedJson(checkedJson(value, 2))).toEqual(plain);
    }),
  );
});

it('notices every changed digit and letter', () => {
  const text = checkedJson({ samples: 1234, files: [{ name: 'part', sha256: 'abcdef' }] });
  for (let k = 0; k < text.length; k++) {
    if (!/[0-9a-z]/.test(text[k]!)) continue;
    const changed = text.slice(0, k) + (text[k] === '7' ? '8' : '7') + text.slice(k + 1);
    const read = () => parseCheckedJson(changed);
    // A name that is no longer `checksum` is a text without one, which earlier versions wrote: it has a field that is not read.
    if (changed.includes('"checksum":')) expect(read).toThrow(SyntaxError);
  }
});

it('takes a text of an earlier version, which has no checksum', () => {
  expect(parseCheckedJson('{"samples":3}')).toEqual({ samples: 3 });
});

it.each(['', '[]', 'null', '3', '{'])('refuses %j', (text) => {
  expect(() => parseCheckedJson(text)).toThrow(SyntaxError);
});
