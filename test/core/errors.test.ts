import { MillraceError } from 'millrace';
import * as errors from 'millrace/errors';
import { SampleError, TruncatedFileError } from 'millrace/errors';
import { describe, expect, it } from 'vitest';
import { fromErrorRecord, toErrorRecord } from '../../dist/core/error-record.js';

type ErrorClass = new (what: string, problems: []) => MillraceError;

function isErrorClass(value: unknown): value is ErrorClass {
  return typeof value === 'function' && value.prototype instanceof MillraceError;
}

describe('an error', () => {
  it('says what, where and what to do', () => {
    const error = new TruncatedFileError('The record is cut short', {
      where: { file: 'a.bin', byteOffset: 12 },
      next: 'Copy the file again.',
    });
    expect(error.message).toBe('The record is cut short (file a.bin, byte offset 12). Copy the file again.');
    expect(String(error)).toMatch(/^TruncatedFileError: /);
    expect(error.addLocation({ item: 3 }).message).toContain('(file a.bin, byte offset 12, item 3)');
  });

  it('has a code of its own in every class', () => {
    const exported: unknown[] = Object.values(errors);
    const codes = exported.filter(isErrorClass).map((ErrorClass) => new ErrorClass('x', []).code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.length).toBeGreaterThan(10);
    for (const code of codes) expect(code).toMatch(/^ERR_MILLRACE_[A-Z_]+$/);
  });

  it('crosses threads whole, with its causes', () => {
    const cause = Object.assign(new RangeError('too far'), { offset: 7, handler: () => 0 });
    const error = new SampleError('Sample 3 failed', { where: { index: 3 }, next: 'Fix it.', cause });
    const back = fromErrorRecord(structuredClone(toErrorRecord(error))) as SampleError;
    expect(back).toBeInstanceOf(SampleError);
    expect(back).toMatchObject({
      name: 'SampleError',
      code: 'ERR_MILLRACE_SAMPLE',
      message: error.message,
      where: { index: 3 },
    });
    expect(back.stack).toBe(error.stack);
    expect(back.cause).toBeInstanceOf(RangeError);
    expect(back.cause).toMatchObject({ message: 'too far', offset: 7 });
  });

  it('keeps the name of a class that is not known here, and whatever was thrown', () => {
    class PictureError extends Error {
      override name = 'PictureError';
    }
    const back = fromErrorRecord(structuredClone(toErrorRecord(new PictureError('blurred'))));
    expect(String(back)).toBe('PictureError: blurred');
    expect(fromErrorRecord(structuredClone(toErrorRecord('a string'))).message).toBe('Thrown: a string');
  });
});
