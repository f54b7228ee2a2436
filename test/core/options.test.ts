import { ConfigError } from 'millrace/errors';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { integerFrom, parseOptions } from '../../dist/core/options.js';

const schema = v.strictObject({
  seed: v.optional(integerFrom(0), 0),
  nested: v.optional(v.strictObject({ batchSize: v.optional(integerFrom(1), 1) })),
});

describe('parseOptions', () => {
  it('fills in defaults and leaves the object as it was', () => {
    const given = Object.freeze({ nested: {} });
    expect(parseOptions('T', schema, given)).toEqual({ seed: 0, nested: { batchSize: 1 } });
    expect(given).toEqual({ nested: {} });
  });

  it('names every problem, with its path and a suggestion for a misspelt key', () => {
    try {
      parseOptions('T options', schema, { seed: -1, nested: { batch_size: 3 }, zzz: 1 }, 'root');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).problems).toEqual([
        { field: 'root.seed', message: 'must be 0 or more' },
        { field: 'root.nested.batch_size', message: 'unknown option, did you mean batchSize?' },
        { field: 'root.zzz', message: 'unknown option' },
      ]);
      expect((error as ConfigError).field).toBe('root.seed');
      expect((error as ConfigError).message).toMatch(/^T options: root\.seed: must be 0 or more; /);
    }
  });

  it.each([[null], [3], ['x'], [[]]])('refuses %o as an options object', (given) => {
    expect(() => parseOptions('T options', schema, given)).toThrow(ConfigError);
  });
});
