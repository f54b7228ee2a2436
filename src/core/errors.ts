/** Where it happened: dataset, sample index, file, byte offset and the like. Printed in the message, readable as fields. */
export type ErrorPlace = Readonly<Record<string, string | number | bigint | boolean>>;

/** What an error says besides what went wrong. */
export interface ErrorDetail {
  /** Printed in parentheses after the message. */
  readonly where?: ErrorPlace;
  /** What to do about it: a full sentence. */
  readonly next?: string;
  /** The error underneath. */
  readonly cause?: unknown;
}

/**
 * The root of every error that Millrace throws on purpose. Match on `code`, which is stable across versions; the text
 * is for people.
 */
export abstract class MillraceError extends Error {
  /** Stable name of the failure: match on this. */
  abstract readonly code: `ERR_MILLRACE_${string}`;
  /** Where it happened, as fields. */
  where: ErrorPlace;
  readonly #what: string;
  readonly #next: string | undefined;

  constructor(what: string, detail: ErrorDetail = {}) {
    super(composeMessage(what, detail), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = new.target.name;
    this.where = detail.where ?? {};
    this.#what = what;
    this.#next = detail.next;
    Object.defineProperty(this, 'name', { enumerable: false });
  }

  /** Says more about where it happened, on the way up: which batch, which child. */
  addPlace(place: ErrorPlace): this {
    this.where = { ...this.where, ...place };
    this.message = composeMessage(this.#what, { where: this.where, next: this.#next });
    return this;
  }
}

function composeMessage(what: string, { where = {}, next }: ErrorDetail): string {
  const place = Object.entries(where).map(([key, value]) => `${spaced(key)} ${value}`);
  const sentence = `${what}${place.length > 0 ? ` (${place.join(', ')})` : ''}`;
  return `${sentence}${/[.?!]$/.test(sentence) ? '' : '.'}${next ? ` ${next}` : ''}`;
}

function spaced(camelCase: string): string {
  return camelCase.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** One thing that is wrong with an options object or a configuration file. */
export interface ConfigProblem {
  /** The field, as a path: `data_efficiency.seed`. */
  readonly field: string;
  /** What is wrong with it. */
  readonly message: string;
}

/** An option is unknown, has a wrong type or range, or contradicts another one. `problems` lists all of them. */
export class ConfigError extends MillraceError {
  readonly code = 'ERR_MILLRACE_CONFIG';
  readonly problems: readonly ConfigProblem[];

  constructor(subject: string, problems: readonly ConfigProblem[], detail: ErrorDetail = {}) {
    const list = problems.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; ');
    super(`${subject}: ${list}`, detail);
    this.problems = problems;
  }

  /** The first field at fault. */
  get field(): string {
    return this.problems[0]?.field ?? '';
  }
}

/** A shape does not fit the data or another shape. */
export class ShapeError extends MillraceError {
  readonly code = 'ERR_MILLRACE_SHAPE';
}

/** A sampler gave an index that the dataset does not have, or `get` was called with one. */
export class IndexRangeError extends MillraceError {
  readonly code = 'ERR_MILLRACE_INDEX_RANGE';
}

/** The samples of a batch cannot be put together. `where.path` says which field. */
export class CollateError extends MillraceError {
  readonly code = 'ERR_MILLRACE_COLLATE';
}

/** The dataset or the transform failed on one sample; `cause` is the original error, `where.index` the sample. */
export class SampleError extends MillraceError {
  readonly code = 'ERR_MILLRACE_SAMPLE';
}

/** A dataset or function cannot be moved into a worker. */
export class WorkerTransferError extends MillraceError {
  readonly code = 'ERR_MILLRACE_WORKER_TRANSFER';
}

/** A worker could not start, or ended before it was told to. */
export class WorkerExitError extends MillraceError {
  readonly code = 'ERR_MILLRACE_WORKER_EXIT';
}

/** A batch took longer than `timeoutMs`. */
export class LoaderTimeoutError extends MillraceError {
  readonly code = 'ERR_MILLRACE_TIMEOUT';
}

/** The loader was closed, or another iteration of it has begun. */
export class LoaderClosedError extends MillraceError {
  readonly code = 'ERR_MILLRACE_CLOSED';
}

/** A lent batch is used after it was given back. */
export class ReleasedBatchError extends MillraceError {
  readonly code = 'ERR_MILLRACE_RELEASED_BATCH';
}

/** A sampler or dataset cannot do what is asked of it, seek or say when a sample comes; `where.stage` says which. */
export class CapabilityError extends MillraceError {
  readonly code = 'ERR_MILLRACE_CAPABILITY';
}

/** Something is asked of a loader before its dataset module has been imported. */
export class LoaderNotReadyError extends MillraceError {
  readonly code = 'ERR_MILLRACE_NOT_READY';
}

/** A loader that is to repeat for ever gives no batch at all. */
export class EmptyLoaderError extends MillraceError {
  readonly code = 'ERR_MILLRACE_EMPTY_LOADER';
}

/** A saved state belongs to another dataset, sampler, option or version; `where.field` says which field differs. */
export class StateMismatchError extends MillraceError {
  readonly code = 'ERR_MILLRACE_STATE_MISMATCH';
}

/** A file is not in the format it should be, or its parts contradict one another. */
export class FormatError extends MillraceError {
  readonly code = 'ERR_MILLRACE_FORMAT';
}

/** A file ends before the data that it promises. */
export class TruncatedFileError extends MillraceError {
  readonly code = 'ERR_MILLRACE_TRUNCATED_FILE';
}

/** Reading or writing bytes failed: a missing file, a full disk, a lost connection. */
export class StorageError extends MillraceError {
  readonly code = 'ERR_MILLRACE_STORAGE';
}

/** An object in storage is no longer the one that was opened: going on would mix two versions of the data. */
export class ObjectChangedError extends MillraceError {
  readonly code = 'ERR_MILLRACE_OBJECT_CHANGED';
}

/** An optional package is needed and not installed; the message has the command that installs it. */
export class MissingPeerError extends MillraceError {
  readonly code = 'ERR_MILLRACE_MISSING_PEER';
}

/** An accelerator was asked for by name and is not there, or its driver refuses. */
export class AcceleratorError extends MillraceError {
  readonly code = 'ERR_MILLRACE_ACCELERATOR';
}

/** An accelerator has no room for what is to go there. */
export class DeviceMemoryError extends MillraceError {
  readonly code = 'ERR_MILLRACE_DEVICE_MEMORY';
}

/** `parity: true` was asked for, and the original fails here: `where.original` names the exception that it raises. */
export class ParityError extends MillraceError {
  readonly code = 'ERR_MILLRACE_PARITY';
}
