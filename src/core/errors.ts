import { type ErrorDetail, MillraceError } from './millrace-error.js';
import { withoutSecrets } from './shown-location.js';

export { type ErrorDetail, type ErrorLocation, MillraceError } from './millrace-error.js';

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
 * @origin Constructors and functions that take options; a column or field that the data lacks; configuration files
 *   (`parseDeepSpeedConfig`, `millrace` commands); variables of a launcher. It is thrown before any sample is read.
 * @remedy Change the fields that the message names. The message has the value found, the values allowed, and the
 *   nearest known name. `error.problems` lists the fields as `{ field, message }`.
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
 * @origin `tensor(data, shape)`, the parts of a `TensorDataset` or `StackDataset`, documents of a `PackedDataset`
 *   with a wrong length.
 * @remedy Compare the shapes in the message. The first dimension of the tensors in a `TensorDataset` counts samples,
 *   so it must be the same for all; `Subset` shortens a dataset.
 */
export class ShapeError extends MillraceError {
  readonly code = 'ERR_MILLRACE_SHAPE';
}

/**
 * A sampler returned an index that the dataset does not have, or `get` was called with one.
 *
 * @origin A sampler of yours, or one made for another dataset; indices written by hand; a `length` larger than `get`
 *   supports.
 * @remedy Compare `where.index` with `where.length`. Make the sampler from the dataset itself (`new
 *   RandomSampler(dataset)`), and count from 0.
 */
export class IndexRangeError extends MillraceError {
  readonly code = 'ERR_MILLRACE_INDEX_RANGE';
}

/**
 * The samples of a batch cannot be collated. `where.path` names the field.
 *
 * @origin The collate step: a `null` or a class instance in a sample, fields that only some samples have, tensors of
 *   different shapes or dtypes. Also `toTf` and `toJax`, for an integer that the framework cannot hold.
 * @remedy Return the same structure for all samples, for example from a `transform`. For typed arrays of different
 *   lengths, use `collate: padCollate({ padValue: 0 })` or a `PackedDataset`. For anything else, write a `collate`
 *   function.
 */
export class CollateError extends MillraceError {
  readonly code = 'ERR_MILLRACE_COLLATE';
}

/**
 * The dataset or the transform failed on one sample. `cause` is the original error, `where.index` the sample.
 *
 * @origin `get` or `getBatch` of a dataset, a `transform`, a metric of an analysis. With `onError: 'skip'` or `'replace'`: more
 *   samples failed than `maxFailures` allows, 100 in a row, or all of a batch and all that could replace them.
 * @remedy Read `error.cause`, and make the sample alone: `await dataset.get(index, context)`. `onError: 'skip'`
 *   leaves out bad samples, `'replace'` puts the next ones in their place; both count and list them in `stats()`. `'retry'` tries
 *   again samples that fail occasionally.
 */
export class SampleError extends MillraceError {
  readonly code = 'ERR_MILLRACE_SAMPLE';
}

/**
 * A dataset or function cannot be moved into a worker.
 *
 * @origin `numWorkers` above 0 with a dataset, `transform` or worker-side collate that is your own object or
 *   function: methods and closures cannot cross threads. Also a module that makes a different dataset in each worker.
 * @remedy Move it into a module and pass the URL: `new DataLoader(new URL('./data.js', import.meta.url), …)` for a
 *   dataset, `workerFunction(new URL('./transform.js', import.meta.url))` for a function. Or leave `numWorkers` at 0.
 */
export class WorkerTransferError extends MillraceError {
  readonly code = 'ERR_MILLRACE_WORKER_TRANSFER';
}

/**
 * A worker could not start, or ended unexpectedly.
 *
 * @origin Memory ran out; `process.exit` or a crash of native code in a dataset; a module that fails when it is
 *   imported.
 * @remedy `where` names the sample that the worker was making. Iterate again to continue with the same batch;
 *   `onError: 'retry'` replaces dead workers. If memory ran out, use fewer workers or a smaller `prefetchFactor`.
 */
export class WorkerExitError extends MillraceError {
  readonly code = 'ERR_MILLRACE_WORKER_EXIT';
}

/**
 * A batch took longer than `timeoutMs`.
 *
 * @origin A sample that never completes (a hanging request, a promise that is never resolved), or a limit below the
 *   slowest batch.
 * @remedy If the data is slow, raise `timeoutMs`. Otherwise make the samples of the batch that `where` names on the
 *   main thread (`numWorkers: 0`) to find the one that hangs.
 */
export class LoaderTimeoutError extends MillraceError {
  readonly code = 'ERR_MILLRACE_TIMEOUT';
}

/**
 * The loader was closed, or another iteration of it has begun.
 *
 * @origin `close()` (or the end of `await using`) while batches are still requested; two loops over one loader;
 *   `seek` or `loadStateDict` inside a loop.
 * @remedy Iterate a loader once at a time: make a second loader for a second loop, and leave the loop before seeking.
 */
export class LoaderClosedError extends MillraceError {
  readonly code = 'ERR_MILLRACE_CLOSED';
}

/**
 * A lent batch is used after its release.
 *
 * @origin With `reuseBuffers: true`: a tensor that is kept beyond its `using` block or beyond the next batch.
 * @remedy Copy the elements that you keep (`batch.x.data.slice()`), or omit `reuseBuffers`: you then own every batch.
 */
export class ReleasedBatchError extends MillraceError {
  readonly code = 'ERR_MILLRACE_RELEASED_BATCH';
}

/**
 * A sampler or dataset does not support an operation, such as seeking or `whenSeen`. `where.stage` names it.
 *
 * @origin `whenSeen`, `elastic: true`, or a state of another world size, with a stream, a `DistributedSampler`, an
 *   order drawn from a PyTorch generator, or a sampler of yours without that method.
 * @remedy Use a sampler that computes its order (all of Millrace's own do), and pass `rank` and `worldSize` to the
 *   loader. Or add the method that the message names to your sampler.
 */
export class CapabilityError extends MillraceError {
  readonly code = 'ERR_MILLRACE_CAPABILITY';
}

/**
 * A loader is queried before its dataset module has been imported.
 *
 * @origin `loader.length`, `stateDict`, `loadStateDict` or `receipt` right after `new DataLoader(new URL(…))`;
 *   `length` of a stream, which is unknown.
 * @remedy Call `await loader.ready()` first. Count the batches of a stream while iterating.
 */
export class LoaderNotReadyError extends MillraceError {
  readonly code = 'ERR_MILLRACE_NOT_READY';
}

/**
 * A loader delivers no batch at all.
 *
 * @origin A dataset smaller than a batch with `dropLast: true`; a stream that ended without a batch (no data, windows
 *   longer than a shard); a sampler without indices; a `RepeatingLoader` over an empty dataset.
 * @remedy Check `dataset.length` and `loader.length`. Make the batch smaller, or omit `dropLast`. For a stream of
 *   windows, use shorter windows or fewer shards.
 */
export class EmptyLoaderError extends MillraceError {
  readonly code = 'ERR_MILLRACE_EMPTY_LOADER';
}

/**
 * A saved state belongs to another dataset, sampler, option or version. `where.field` names the field that differs.
 *
 * @origin `loadStateDict` with a state of another run: other files, seed, batch size, sampler or schedule. The number
 *   of workers may differ, and so may the number of ranks if the order is computed.
 * @remedy Make the loader with the options of the saved run. If the change is intended, start again, or `seek` to the
 *   step at which the new order begins.
 */
export class StateMismatchError extends MillraceError {
  readonly code = 'ERR_MILLRACE_STATE_MISMATCH';
}

/**
 * The bytes of a file are damaged, contradictory, or of an unsupported format.
 *
 * @origin Opening or reading a dataset: a damaged or half-written file, another format behind a familiar ending, a
 *   member that cannot be decoded.
 * @remedy `where` has the file and its byte offset, row or record. `millrace verify <data>` reads everything and
 *   lists all damage; `millrace inspect <data>` shows what the file contains.
 */
export class FormatError extends MillraceError {
  readonly code = 'ERR_MILLRACE_FORMAT';
}

/**
 * A file ends before its declared data.
 *
 * @origin An interrupted copy or download, a killed writer, an index that belongs to another data file.
 * @remedy Copy or write the file again. `where.needed` and `where.found` are bytes. `millrace verify <data>` finds
 *   every such file.
 */
export class TruncatedFileError extends MillraceError {
  readonly code = 'ERR_MILLRACE_TRUNCATED_FILE';
}

/**
 * Bytes could not be read or written: a missing file, a full disk, a lost connection.
 *
 * @origin Files, URLs of servers and clouds, the cache, output files. Temporary failures (a lost connection, a
 *   busy server) have already been retried.
 * @remedy `cause` holds the answer of the system or server. Check path, permissions, free space and credentials
 *   (`AWS_…`, `AZURE_…`, `HF_TOKEN`, the option `credentials`).
 */
export class StorageError extends MillraceError {
  readonly code = 'ERR_MILLRACE_STORAGE';
}

/**
 * An object in storage has changed since it was opened. Continuing would mix two versions of the data.
 *
 * @origin Another process wrote to a file or bucket during the run.
 * @remedy Open the dataset again and start from a state of the new data. Write new data under a new name.
 */
export class ObjectChangedError extends MillraceError {
  readonly code = 'ERR_MILLRACE_OBJECT_CHANGED';
}

/**
 * An optional package is needed but not installed. The message has the command that installs it.
 *
 * @origin Features with optional dependencies: images, tokenizers, clusters, TypeScript configuration files.
 * @remedy Run the command in the message. If the package is installed, check that it is in the project that imports
 *   Millrace.
 */
export class MissingPeerError extends MillraceError {
  readonly code = 'ERR_MILLRACE_MISSING_PEER';
}

/**
 * A requested accelerator is missing, or its driver refuses.
 *
 * @origin The environment variable `DS_ACCELERATOR`, or code that requests a device.
 * @remedy Unset the variable, or use a name that the message lists. If the driver refuses, follow its message.
 */
export class AcceleratorError extends MillraceError {
  readonly code = 'ERR_MILLRACE_ACCELERATOR';
}

/**
 * The memory of an accelerator is full.
 *
 * @origin `deviceBatches` and `gpuBatches`, if a batch does not fit beside the data already on the device.
 * @remedy Use smaller batches, or free memory that the trainer holds on the device. The batch counts as delivered: to
 *   get it again, load a state saved before it.
 */
export class DeviceMemoryError extends MillraceError {
  readonly code = 'ERR_MILLRACE_DEVICE_MEMORY';
}

/**
 * `parity: true` was set, and the original fails here. `where.original` names the exception that it raises.
 *
 * @origin Entry points of `millrace/deepspeed` and PyTorch's rules with `parity: true`, where DeepSpeed or PyTorch
 *   raises or hangs.
 * @remedy Omit `parity` to get the correct result, or pass values that the original accepts. `docs/parity.md` has the
 *   list.
 */
export class ParityError extends MillraceError {
  readonly code = 'ERR_MILLRACE_PARITY';
}
