import { expect, it } from 'vitest';
import { errorCode, messageOf } from '../../dist/core/thrown.js';

it.each([
  [new RangeError('too far'), 'too far', undefined],
  [Object.assign(new Error('no such file'), { code: 'ENOENT' }), 'no such file', 'ENOENT'],
  [Object.assign(new Error('odd'), { code: 7 }), 'odd', undefined],
  ['a text', 'a text', undefined],
  [undefined, 'undefined', undefined],
  [null, 'null', undefined],
])('%s has a message, and a code if it is text', (thrown, message, code) => {
  expect(messageOf(thrown)).toBe(message);
  expect(errorCode(thrown)).toBe(code);
});
