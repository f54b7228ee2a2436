import fc from 'fast-check';
import { ArrayDataset, DataLoader, defaultCollate, padCollate, tensor } from 'millrace';
import { parseDeepSpeedConfig } from 'millrace/deepspeed';
import { ConfigError, FormatError } from 'millrace/errors';
import * as v from 'valibot';
import { afterEach, describe, expect, it } from 'vitest';
import { fromErrorRecord, toErrorRecord } from '../../dist/core/error-record.js';
import { fingerprint } from '../../dist/core/fingerprint.js';
import { mapTensors } from '../../dist/core/map-tensors.js';
import { parseOptions, recordOf } from '../../dist/core/options.js';
import { valueOfModule } from '../../dist/datasets/module-value.js';
import { parseConfigText } from '../../dist/deepspeed/config-text.js';
import { copiedFrom, putTogether, takeApart } from '../../dist/loader/engine/workers/detached-tensors.js';
import { sizeOfBatch } from '../../dist/monitor/batch-size.js';
import { peekFields } from '../../dist/monitor/dashboard/peek-batch.js';
import { makeFromRecipe } from '../../dist/recipes/make-from-recipe.js';

// Names that every object inherits, and some that it does not.
const hostileKeys = Array.from(
  new Set([...Object.getOwnPropertyNames(Object.prototype), 'prototype', 'length', 'then', 'name', '']),
);
const key = fc.oneof(fc.constantFrom(...hostileKeys), fc.string({ maxLength: 6 }));

/** A record with own fields only, whatever their names. */
const recordOfKeys = <T>(value: fc.Arbitrary<T>, minLength = 1) =>
  fc
    .uniqueArray(fc.tuple(key, value), { minLength, maxLength: 5, selector: ([name]) => name })
    .map((entries) => Object.fromEntries(entries) as Record<string, T>);

/** Samples as a data file has them: records of numbers, texts and records. */
const sample = recordOfKeys(
  fc.oneof(
    fc.integer({ min: 0, max: 99 }),
    fc.string({ maxLength: 3 }),
    recordOfKeys(fc.integer({ min: 0, max: 99 })),
    fc.constant(null).map(() => tensor(Float32Array.of(1, 2, 3))),
  ),
);

/** Names of all fields, with those of records inside. */
function pathsOf(value: unknown, path: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Array.isArray(value))
    return [JSON.stringify(path)];
  if (Object.hasOwn(value, 'dtype') && Object.hasOwn(value, 'shape')) return [JSON.stringify(path)];
  return Object.entries(value).flatMap(([name, item]) => pathsOf(item, [...path, name]));
}

const inherited = Object.getOwnPropertyNames(Object.prototype).sort();
afterEach(() => {
  const now = Object.getOwnPropertyNames(Object.prototype).sort();
  for (const name of now) if (!inherited.includes(name)) Reflect.deleteProperty(Object.prototype, name);
  expect(now).toEqual(inherited);
});

describe('the keys of a sample are data', () => {
  it('when it is collated, whatever the collate', () => {
    fc.assert(
      fc.property(sample, (fields) => {
        const samples = [fields, structuredClone(fields)];
        for (const batch of [defaultCollate(samples), defaultCollate(samples, { parity: true })])
          expect(pathsOf(batch)).toEqual(pathsOf(fields));
        expect(pathsOf(padCollate()(samples))).toEqual(pathsOf(fields));
      }),
    );
  });

  it('when a batch is split into messages between threads and joined again', () => {
    const page = new ArrayBuffer(1024);
    const inPage = fc.integer({ min: 0, max: 63 }).map((place) => tensor(new Int32Array(page, 4 * place, 3)));
    const node: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 3 },
        inPage,
        fc.string(),
        tie('record'),
        fc.array(tie('node'), { maxLength: 3 }),
      ),
      record: recordOfKeys(tie('node'), 0),
    })).node;
    fc.assert(
      fc.property(node, (batch) => {
        const sent = structuredClone(takeApart(batch, page));
        expect(putTogether(sent, copiedFrom(page))).toEqual(batch);
      }),
    );
  });

  it('when tensors are mapped, fields counted, and the live page looks at it', () => {
    fc.assert(
      fc.property(sample, (fields) => {
        expect(pathsOf(mapTensors(fields, (each) => each))).toEqual(pathsOf(fields));
        expect(sizeOfBatch(fields, undefined).tokens).toBeGreaterThanOrEqual(0);
        expect(peekFields(fields).length).toBeGreaterThan(0);
      }),
    );
  });

  it('in worker threads as on the main thread, lent or not', async () => {
    const fields = Object.fromEntries(
      hostileKeys.map((name) => [name, { [name]: 1, ['__proto__']: 2, text: name }]),
    );
    const rows = Array.from({ length: 4 }, () => fields);
    const batches = [];
    for (const options of [{}, { numWorkers: 1 }, { numWorkers: 1, reuseBuffers: true }] as const) {
      await using loader = new DataLoader(new ArrayDataset(rows), {
        batchSize: 2,
        shuffle: false,
        ...options,
      });
      for await (const batch of loader) batches.push(pathsOf(batch));
    }
    expect(batches).toEqual(Array.from({ length: 6 }, () => pathsOf(fields)));
  });
});

describe('keys in what is configured and saved', () => {
  it('are own fields of a record, or an unknown option', () => {
    fc.assert(
      fc.property(recordOfKeys(fc.integer()), (fields) => {
        const parsed = parseOptions('T', v.strictObject({ weights: recordOf(v.number()) }), {
          weights: fields,
        });
        expect(Object.entries(parsed.weights)).toEqual(Object.entries(fields));
      }),
    );
    for (const name of hostileKeys)
      for (const schema of [v.strictObject({}), v.looseObject({ [`${name}x`]: v.optional(v.number()) })]) {
        const given = Object.fromEntries([[name, 1]]);
        if (schema.type === 'strict_object')
          expect(() => parseOptions('T', schema, given)).toThrow(/unknown option/);
        // What a loose schema does not know is there for the next one.
        else if (!['__proto__', 'constructor', 'prototype'].includes(name))
          expect(Object.entries(parseOptions('T', schema, given))).toEqual([[name, 1]]);
        else expect(() => parseOptions('T', schema, given)).toThrow(ConfigError);
      }
  });

  it('name the field at fault', () => {
    const schema = v.strictObject({
      weights: recordOf(v.strictObject({ batchSize: v.optional(v.number()) })),
    });
    const given = { weights: Object.fromEntries([['constructor', { batch_size: 1 }]]) };
    expect(() => parseOptions('T', schema, given)).toThrow(
      'weights.constructor.batch_size: unknown option, did you mean batchSize?',
    );
  });

  it('of configuration files stay as they are, or are refused', () => {
    fc.assert(
      fc.property(recordOfKeys(recordOfKeys(fc.integer())), (fields) => {
        const text = JSON.stringify(fields);
        if (/"__proto__":/.test(text)) expect(() => parseConfigText(text)).toThrow(/__proto__: is not a key/);
        else expect(parseConfigText(text)).toEqual(fields);
      }),
    );
    expect(() => parseConfigText('{"__COMMENTS__": {"o": []}}')).toThrow(ConfigError);
    for (const name of hostileKeys)
      expect(() =>
        parseDeepSpeedConfig(`{"train_batch_size": 8, "data_efficiency": {"${name}": 1}}`),
      ).toThrow(ConfigError);
  });

  it('have different fingerprints', () => {
    for (const name of hostileKeys)
      expect(fingerprint(Object.fromEntries([[name, 1]]))).not.toBe(fingerprint({}));
  });

  it('are refused in the state of a loader', async () => {
    const loader = new DataLoader(new ArrayDataset([1, 2, 3, 4]), { batchSize: 2 });
    for (const name of hostileKeys) {
      const state = { ...(await loader.stateDict()), ...Object.fromEntries([[name, { polluted: 1 }]]) };
      await expect((async () => loader.loadStateDict(state as never))()).rejects.toThrow(ConfigError);
    }
  });
});

describe('names in recipes', () => {
  it('find built-ins and exports, and nothing that tables inherit', async () => {
    for (const name of hostileKeys) {
      const made = makeFromRecipe({ builtIn: name, args: {} });
      await expect(made).rejects.toThrow(FormatError);
      const module = new URL('../fixtures/squares.js', import.meta.url).href;
      if (name !== 'name')
        await expect(valueOfModule({ module, export: name, calls: true })).rejects.toThrow(/no export named/);
    }
  });
});

it('a module is never the code of a data: URL', async () => {
  const code = 'globalThis.ran = true; export default { length: 1, get: () => 1 };';
  for (const scheme of ['data', 'DATA', 'Data']) {
    const module = `${scheme}:text/javascript,${encodeURIComponent(code)}`;
    await expect(valueOfModule({ module, export: 'default', calls: true })).rejects.toThrow(/data: URL/);
    const loader = new DataLoader(new URL(module), { numWorkers: 1 });
    await expect(loader.ready()).rejects.toThrow(/data: URL/);
    await loader.close();
  }
  expect('ran' in globalThis).toBe(false);
});

describe('errors on their way between threads', () => {
  it('keep fields of every name, and find only classes of errors', () => {
    fc.assert(
      fc.property(recordOfKeys(fc.integer()), key, (fields, name) => {
        const error = new FormatError('The row is damaged', { where: fields as Record<string, number> });
        expect(Object.entries((fromErrorRecord(toErrorRecord(error)) as FormatError).where)).toEqual(
          Object.entries(fields),
        );
        const record = { name, message: 'm', stack: undefined, fields, cause: undefined };
        const made = fromErrorRecord(structuredClone(record));
        expect(made).toBeInstanceOf(Error);
        expect(made.name).toBe(name);
      }),
    );
  });
});
