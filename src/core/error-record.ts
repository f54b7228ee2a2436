import * as errors from './errors.js';
import { ownValue, setOwn } from './record.js';

/** An error as plain data, so that it crosses threads whole: class, code, fields, stack and causes. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Own fields besides name, message, stack and cause, where they can be cloned. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: ErrorRecord | { readonly value: unknown } | undefined;
}

const standardFields = new Set(['name', 'message', 'stack', 'cause']);
const builtInErrors = { Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError };
const errorClasses: Readonly<Record<string, { readonly prototype: Error } | undefined>> = {
  ...builtInErrors,
  ...errors,
};

/** Takes an error apart. Anything may be thrown, so anything is accepted. */
export function toErrorRecord(thrown: unknown): ErrorRecord {
  if (!(thrown instanceof Error)) {
    return {
      name: 'Error',
      message: `Thrown: ${String(thrown)}`,
      stack: undefined,
      fields: {},
      cause: causeOf(thrown),
    };
  }
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(thrown)) {
    if (!standardFields.has(key)) setOwn(fields, key, cloneable(value));
  }
  return {
    name: thrown.name,
    message: thrown.message,
    stack: thrown.stack,
    fields,
    cause: causeOf(thrown.cause),
  };
}

/** Puts an error together again: an instance of the same class where the class is known here, else an `Error` of that name. */
export function fromErrorRecord(record: ErrorRecord): Error {
  const prototype = ownValue(errorClasses, record.name)?.prototype ?? Error.prototype;
  const error: Error = Object.create(prototype);
  const define = (key: string, value: unknown, enumerable: boolean): void => {
    Object.defineProperty(error, key, { value, enumerable, writable: true, configurable: true });
  };
  define('message', record.message, false);
  define('stack', record.stack ?? `${record.name}: ${record.message}`, false);
  if (prototype.name !== record.name) define('name', record.name, false);
  if (record.cause)
    define('cause', 'value' in record.cause ? record.cause.value : fromErrorRecord(record.cause), false);
  for (const [key, value] of Object.entries(record.fields))
    if (!standardFields.has(key)) define(key, value, true);
  return error;
}

function causeOf(cause: unknown): ErrorRecord['cause'] {
  if (cause === undefined) return undefined;
  return cause instanceof Error ? toErrorRecord(cause) : { value: cloneable(cause) };
}

function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}
