import { shownLocation, withoutSecrets } from './shown-location.js';
import { visibleText } from './visible-text.js';

/** Where it happened: dataset, sample index, file, byte offset and the like. Printed in the message, readable as fields. */
export type ErrorLocation = Readonly<Record<string, string | number | bigint | boolean>>;

/** What an error says besides what went wrong. */
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
 * Each class says in its docstring what it means, where it comes from (`@origin`) and what to do about it (`@remedy`):
 * the page on troubleshooting is made from these.
 */
export abstract class MillraceError extends Error {
  /** Stable name of the failure: match on this. */
  abstract readonly code: `ERR_MILLRACE_${string}`;
  /** Where it happened, as fields. */
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

  /** Whether the parts of its message are known: of an error from another thread only the text is. */
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

/** A URL may hold spaces where it is all there is. */
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

/** One thing that is wrong with an options object or a configuration file. */
export interface ConfigProblem {
  /** The field, as a path: `data_efficiency.seed`. */
  readonly field: string;
  /** What is wrong with it. */
  readonly message: string;
}

/**
 * An option is unknown, has a wrong type or range, or contradicts another one. `problems` lists all of them.
 *
 * @origin Constructors and functions that take options, configuration files (`parseDeepSpeedConfig`, `millrace`
 *   commands), a launcher's variables. It is thrown before anything is read.
 * @remedy Change the fields that the message names: it has the value seen and what is allowed, and the nearest
 *   name for one that is not known. `error.problems` has them one by one, as `{ field, message }`.
 */
export class ConfigError extends MillraceError {
  readonly code = 'ERR_MILLRACE_CONFIG';
  readonly problems: readonly ConfigProblem[];

  constructor(subject: string, problems: readonly ConfigProblem[], detail: ErrorDetail = {}) {
    const list = problems.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; ');
    super(`${subject}: ${list}`, detail);
    this.problems = problems.map(({ field, message }) => ({ field, message: withoutSecrets(message) }));
  }

  /** The first field at fault. */
  get field(): string {
    return this.problems[0]?.field ?? '';
  }
}

/**
 * A shape does not fit the data or another shape.
 *
 * @origin `tensor(data, shape)`, the parts of a `TensorDataset` or `StackDataset`, documents of a
 *   `PackedDataset` whose length was given wrongly.
 * @remedy Compare the shapes in the message. The first dimension of a `TensorDataset`'s tensors counts samples,
 *   so it must be the same for all; `Subset` cuts a longer dataset.
 */
export class ShapeError extends MillraceError {
  readonly code = 'ERR_MILLRACE_SHAPE';
}

/**
 * A sampler gave an index that the dataset does not have, or `get` was called with one.
 *
 * @origin A sampler of your own or one made for another dataset; indices written by hand; `length` that is
 *   larger than what `get` can give.
 * @remedy `where.index` and `where.length` say how far off it is. Make the sampler from the dataset itself
 *   (`new RandomSampler(dataset)`), and count from 0.
 */
export class IndexRangeError extends MillraceError {
  readonly code = 'ERR_MILLRACE_INDEX_RANGE';
}

/**
 * The samples of a batch cannot be put together. `where.path` says which field.
 *
 * @origin The collate step: a `null` or a class instance in a sample, fields that only some samples have,
 *   tensors of different shapes or dtypes. Also `toTf` and `toJax`, for an integer that the framework cannot
 *   hold.
 * @remedy Give all samples one structure in a `transform`. Typed arrays of different lengths: `collate:
 *   padCollate({ padValue: 0 })` or a `PackedDataset`. Anything else: a `collate` function of your own.
 */
export class CollateError extends MillraceError {
  readonly code = 'ERR_MILLRACE_COLLATE';
}

/**
 * The dataset or the transform failed on one sample; `cause` is the original error, `where.index` the sample.
 *
 * @origin `get` or `getBatch` of a dataset, a `transform`, a metric of the analysis. With `onError: 'skip'`: all samples of an
 *   epoch, 100 in a row, or all of a global batch that ranks or micro-batches share.
 * @remedy Look at `error.cause`, and make the sample alone: `await dataset.get(index, context)`. Samples that
 *   cannot be mended are left out, counted and listed in `stats()` with `onError: 'skip'`; what fails now and
 *   then is tried again with `'retry'`.
 */
export class SampleError extends MillraceError {
  readonly code = 'ERR_MILLRACE_SAMPLE';
}

/**
 * A dataset or function cannot be moved into a worker.
 *
 * @origin `numWorkers` above 0 with a dataset, `transform` or worker-side collate that is an object or function
 *   of your own: methods and closures cannot cross threads. Also a module that makes another dataset in each
 *   worker.
 * @remedy Put it into a module and name that: `new DataLoader(new URL('./data.js', import.meta.url), …)` for a
 *   dataset, `workerFunction(new URL('./transform.js', import.meta.url))` for a function. Or leave `numWorkers`
 *   at 0.
 */
export class WorkerTransferError extends MillraceError {
  readonly code = 'ERR_MILLRACE_WORKER_TRANSFER';
}

/**
 * A worker could not start, or ended before it was told to.
 *
 * @origin Memory that ran out, `process.exit` or a crash of native code in a dataset, a module that fails as it
 *   is imported.
 * @remedy `where` names the sample it was at. Iterate again to go on with the same batch; `onError: 'retry'`
 *   replaces dead workers by itself. If memory ran out, take fewer workers or a smaller `prefetchFactor`.
 */
export class WorkerExitError extends MillraceError {
  readonly code = 'ERR_MILLRACE_WORKER_EXIT';
}

/**
 * A batch took longer than `timeoutMs`.
 *
 * @origin A sample that never comes (a hanging request, a promise nobody resolves), or a limit below what the
 *   slowest batch takes.
 * @remedy Raise `timeoutMs` if the data is slow; otherwise `where` says which batch, and making its samples on
 *   the main thread (`numWorkers: 0`) shows which one hangs.
 */
export class LoaderTimeoutError extends MillraceError {
  readonly code = 'ERR_MILLRACE_TIMEOUT';
}

/**
 * The loader was closed, or another iteration of it has begun.
 *
 * @origin `close()` (or the end of `await using`) while batches are still asked for; two loops over one loader;
 *   `seek` or `loadStateDict` in the middle of a loop.
 * @remedy One iteration of a loader at a time: make a second loader for a second loop, and leave the loop
 *   before seeking.
 */
export class LoaderClosedError extends MillraceError {
  readonly code = 'ERR_MILLRACE_CLOSED';
}

/**
 * A lent batch is used after it was given back.
 *
 * @origin With `reuseBuffers: true`: a tensor kept beyond its `using` block or beyond the next batch.
 * @remedy Copy what is to stay (`batch.x.data.slice()`), or leave out `reuseBuffers`: a batch is then yours for
 *   ever.
 */
export class ReleasedBatchError extends MillraceError {
  readonly code = 'ERR_MILLRACE_RELEASED_BATCH';
}

/**
 * A sampler or dataset cannot do what is asked of it, seek or say when a sample comes; `where.stage` says
 * which.
 *
 * @origin `whenSeen`, `elastic: true`, or a state of another world size, with a stream, a `DistributedSampler`,
 *   an order drawn from a PyTorch generator, or a sampler of your own without that method.
 * @remedy Use a sampler that computes its order (all of Millrace's own do), with `rank` and `worldSize` given
 *   to the loader; or give yours the method that the message names.
 */
export class CapabilityError extends MillraceError {
  readonly code = 'ERR_MILLRACE_CAPABILITY';
}

/**
 * Something is asked of a loader before its dataset module has been imported.
 *
 * @origin `loader.length`, `stateDict`, `loadStateDict` or `receipt` right after `new DataLoader(new URL(…))`;
 *   `length` of a stream, which nobody knows beforehand.
 * @remedy `await loader.ready()` first. The batches of a stream are counted as they come.
 */
export class LoaderNotReadyError extends MillraceError {
  readonly code = 'ERR_MILLRACE_NOT_READY';
}

/**
 * A loader gives no batch at all.
 *
 * @origin A dataset smaller than a batch with `dropLast: true`, a stream that ended without a batch (no data, windows longer
 *   than a shard), a sampler that gives no index, a `RepeatingLoader` over an empty dataset.
 * @remedy Look at `dataset.length` and `loader.length`; make the batch smaller, or leave out `dropLast`; of a stream of windows,
 *   make the windows shorter or the shards fewer.
 */
export class EmptyLoaderError extends MillraceError {
  readonly code = 'ERR_MILLRACE_EMPTY_LOADER';
}

/**
 * A saved state belongs to another dataset, sampler, option or version; `where.field` says which field differs.
 *
 * @origin `loadStateDict` with a state of another run: other files, seed, batch size, sampler or schedule. The
 *   number of workers may differ, and the number of ranks with an order that is computed.
 * @remedy Make the loader with the options that the state was saved with. If the change is meant, start anew,
 *   or `seek` to where the new order shall begin.
 */
export class StateMismatchError extends MillraceError {
  readonly code = 'ERR_MILLRACE_STATE_MISMATCH';
}

/**
 * A file is not in the format it should be, or its parts contradict one another.
 *
 * @origin Opening or reading a dataset: a damaged or half-written file, another format under a familiar ending,
 *   columns that differ between files, a member that cannot be decoded.
 * @remedy `where` has file and byte offset, row or record. `millrace verify <data>` reads everything and lists
 *   all that is damaged; `millrace inspect <data>` says what the file seems to be.
 */
export class FormatError extends MillraceError {
  readonly code = 'ERR_MILLRACE_FORMAT';
}

/**
 * A file ends before the data that it promises.
 *
 * @origin A copy or download that was interrupted, a writer that was killed, an index that belongs to another
 *   data file.
 * @remedy Copy or write the file again; `where.needed` and `where.found` are bytes. `millrace verify <data>`
 *   finds every such file.
 */
export class TruncatedFileError extends MillraceError {
  readonly code = 'ERR_MILLRACE_TRUNCATED_FILE';
}

/**
 * Reading or writing bytes failed: a missing file, a full disk, a lost connection.
 *
 * @origin Files, `http:`, `s3:` and `hf:` addresses, the cache, files that are written. What fails for now (a
 *   lost connection, a busy server) has been tried again before.
 * @remedy `cause` has what the system or server said. Check path, permissions, free space and credentials
 *   (`AWS_…`, `HF_TOKEN`).
 */
export class StorageError extends MillraceError {
  readonly code = 'ERR_MILLRACE_STORAGE';
}

/**
 * An object in storage is no longer the one that was opened: going on would mix two versions of the data.
 *
 * @origin Somebody wrote to a file or bucket under a running job.
 * @remedy Open the dataset again and start from a state of the new data. Write new data under a new name.
 */
export class ObjectChangedError extends MillraceError {
  readonly code = 'ERR_MILLRACE_OBJECT_CHANGED';
}

/**
 * An optional package is needed and not installed; the message has the command that installs it.
 *
 * @origin Features that rest on a package which most users do not need: Arrow files, images, tokenizers,
 *   TypeScript configuration files.
 * @remedy Run the command in the message. If it is installed, check that it is in the project that imports
 *   Millrace.
 */
export class MissingPeerError extends MillraceError {
  readonly code = 'ERR_MILLRACE_MISSING_PEER';
}

/**
 * An accelerator was asked for by name and is not there, or its driver refuses.
 *
 * @origin The environment variable `DS_ACCELERATOR`, or code that asks for a device.
 * @remedy Unset the variable, or name one that the message lists; where the driver refuses, do what it says.
 */
export class AcceleratorError extends MillraceError {
  readonly code = 'ERR_MILLRACE_ACCELERATOR';
}

/**
 * An accelerator has no room for what is to go there.
 *
 * @origin `deviceBatches` and `gpuBatches`, when a batch does not fit beside what is on the device already.
 * @remedy Use smaller batches, or free what the trainer keeps on the device. The batch counts as delivered: to get it
 *   again, load a state that was saved before it.
 */
export class DeviceMemoryError extends MillraceError {
  readonly code = 'ERR_MILLRACE_DEVICE_MEMORY';
}

/**
 * `parity: true` was asked for, and the original fails here: `where.original` names the exception that it
 * raises.
 *
 * @origin Entry points of `millrace/deepspeed` and PyTorch's rules with `parity: true`, at a place where
 *   DeepSpeed or PyTorch raises or hangs.
 * @remedy Leave out `parity` to get the result that was meant, or give the values that the original can take.
 *   `docs/parity.md` has the list.
 */
export class ParityError extends MillraceError {
  readonly code = 'ERR_MILLRACE_PARITY';
}
