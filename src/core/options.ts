import * as v from 'valibot';
import { ConfigError, type ConfigProblem } from './errors.js';
import { isRecord, ownValue } from './record.js';

/**
 * Validates an options object and reports all problems together: unknown keys, wrong types and ranges. Returns a copy with
 * the defaults of the schema; the caller's object is not modified.
 *
 * @param subject - The subject of the message: `DataLoader options`.
 * @param root - Prefix of the field paths in the message: `data_efficiency`. @defaultValue none
 * @throws {@link ConfigError} naming every field at fault.
 */
export function parseOptions<S extends v.GenericSchema>(
  subject: string,
  schema: S,
  options: unknown,
  root = '',
): v.InferOutput<S> {
  // The validator treats an array as an object without the optional fields.
  if (Array.isArray(options))
    throw new ConfigError(subject, [{ field: root, message: 'must be an object, not an array' }]);
  const result = v.safeParse(schema, options);
  const problems = [
    ...unseenKeys(options, root),
    ...(result.issues ?? []).map((issue) => problemOf(issue, schema, root)),
  ];
  if (result.success && problems.length === 0) return result.output;
  throw new ConfigError(subject, problems);
}

/** Keys that valibot's `looseObject` drops silently. */
function unseenKeys(options: unknown, root: string): ConfigProblem[] {
  if (typeof options !== 'object' || options === null) return [];
  return ['__proto__', 'constructor', 'prototype']
    .filter((key) => Object.hasOwn(options, key))
    .map((key) => ({ field: [root, key].filter(Boolean).join('.'), message: 'unknown option' }));
}

function problemOf(issue: v.BaseIssue<unknown>, schema: v.GenericSchema, root: string): ConfigProblem {
  const path = v.getDotPath(issue) ?? '';
  const field = [root, path].filter(Boolean).join('.');
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const key = path.split('.').at(-1) ?? path;
    const hint = closest(key, knownKeys(schema, path));
    return { field, message: `unknown option${hint ? `, did you mean ${hint}?` : ''}` };
  }
  if (issue.type.endsWith('object') && issue.expected?.startsWith('"'))
    return { field, message: 'is missing' };
  return { field, message: issue.message };
}

/** Keys that the schema allows next to the last step of `path`. */
function knownKeys(schema: v.GenericSchema, path: string): readonly string[] {
  let node: unknown = schema;
  for (const step of path.split('.').slice(0, -1))
    node = ownValue(entriesOf(node) ?? {}, step) ?? recordValueOf(node);
  return Object.keys(entriesOf(node) ?? {});
}

function entriesOf(node: unknown): Record<string, unknown> | undefined {
  const { entries, wrapped, pipe } = fieldsOf(node);
  if (isRecord(entries)) return entries;
  if (wrapped) return entriesOf(wrapped);
  return Array.isArray(pipe) ? entriesOf(pipe[0]) : undefined;
}

/** The schema of the values, if `node` is a record: an object with arbitrary keys. */
function recordValueOf(node: unknown): unknown {
  const { type, value, wrapped, pipe } = fieldsOf(node);
  if (type === 'map') return value;
  if (wrapped) return recordValueOf(wrapped);
  return Array.isArray(pipe) ? pipe.slice(1).map(recordValueOf).find(Boolean) : undefined;
}

function fieldsOf(node: unknown): Record<string, unknown> {
  return isRecord(node) ? node : {};
}

/** The candidate nearest to a key that is not one; `undefined` if none is near. */
export function closest(key: string, candidates: readonly string[]): string | undefined {
  const near = candidates
    .map((candidate) => ({ candidate, distance: editDistance(key.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, candidate.length / 3))
    .sort((a, b) => a.distance - b.distance);
  return near[0]?.candidate;
}

/** Levenshtein distance, O(|a|·|b|). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(previous[j]! + 1, current[j - 1]! + 1, substitution));
    }
    previous = current;
  }
  return previous[b.length]!;
}

/**
 * An object with arbitrary keys, or keys that match `key`. Every own key is kept and checked; valibot's `record`
 * omits `__proto__`, `constructor` and `prototype`.
 */
export function recordOf<I, O>(
  value: v.GenericSchema<I, O>,
  key: v.GenericSchema<string, string> = v.string(),
) {
  return v.pipe(
    v.custom<Readonly<Record<string, I>>>(isRecord, 'must be an object'),
    v.transform((input) => new Map(Object.entries(input))),
    v.map(key, value),
    v.transform((map): Record<string, O> => Object.fromEntries(map)),
  );
}

/** An integer of at least `minimum`, up to 2^53 - 1. */
export function integerFrom(minimum: number) {
  return v.pipe(
    v.number('must be a number'),
    v.safeInteger('must be an integer'),
    v.minValue(minimum, `must be ${minimum} or more`),
  );
}

/** A boolean, with the message of this project. */
export const booleanOption = v.boolean('must be true or false');
