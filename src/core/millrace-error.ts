import { shownLocation, withoutSecrets } from './shown-location.js';
import { visibleText } from './visible-text.js';

/**
 * Location of an error: dataset, sample index, file, byte offset and so on. Printed in the message, readable as
 * fields.
 */
export type ErrorLocation = Readonly<Record<string, string | number | bigint | boolean>>;

/** Details of an error besides what went wrong. */
export interface ErrorDetail {
  /** Printed in parentheses after the message. */
  readonly where?: ErrorLocation | undefined;
  /** What to do about it: a full sentence. */
  readonly next?: string | undefined;
  /** The error underneath. */
  readonly cause?: unknown;
}

/**
 * The root of every error that Millrace throws on purpose. Match on `code`, which is stable across versions; the text
 * is for people.
 *
 * The docstring of each class gives its meaning, origin (`@origin`) and remedy (`@remedy`).
 * `scripts/docs/write-error-codes.js` writes them into docs/troubleshooting.md.
 */
export abstract class MillraceError extends Error {
  /** Stable name of the failure: match on this. */
  abstract readonly code: `ERR_MILLRACE_${string}`;
  /** The location, as fields. */
  where: ErrorLocation;
  readonly #what: string;
  readonly #next: string | undefined;

  constructor(what: string, detail: ErrorDetail = {}) {
    super(composeMessage(what, detail), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.where = safeLocation(detail.where);
    this.#what = what;
    this.#next = detail.next;
    Object.defineProperty(this, 'name', { enumerable: false });
  }

  /** Adds fields to `where` as the error propagates: the batch, the child dataset. */
  addLocation(location: ErrorLocation): this {
    const given = safeLocation(location);
    const added = Object.fromEntries(
      Object.entries(given).filter(([key]) => !Object.hasOwn(this.where, key)),
    );
    this.where = { ...this.where, ...given };
    this.message = MillraceError.#isComplete(this)
      ? composeMessage(this.#what, { where: this.where, next: this.#next })
      : composeMessage(this.message, { where: added });
    return this;
  }

  /** Whether the parts of the message are known; of an error from another thread, only the text is. */
  static #isComplete(error: object): boolean {
    return #what in error;
  }
}

/** Removes secrets from the text fields of a location. */
function safeLocation(location: ErrorLocation = {}): ErrorLocation {
  return Object.fromEntries(
    Object.entries(location).map(([key, value]) => [
      key,
      typeof value === 'string' ? shownValue(value) : value,
    ]),
  );
}

/** A field that is only a URL may contain spaces. */
function shownValue(value: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? shownLocation(value) : withoutSecrets(value);
}

function composeMessage(what: string, { where, next }: ErrorDetail): string {
  const location = Object.entries(safeLocation(where)).map(([key, value]) => `${spaced(key)} ${value}`);
  const sentence = `${withoutSecrets(what)}${location.length > 0 ? ` (${location.join(', ')})` : ''}`;
  return visibleText(
    `${sentence}${/[.?!]$/.test(sentence) ? '' : '.'}${next ? ` ${withoutSecrets(next)}` : ''}`,
  );
}

function spaced(camelCase: string): string {
  return camelCase.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
