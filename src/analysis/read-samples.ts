import { type Dataset, datasetTitle } from '../core/dataset.js';
import { MillraceError, SampleError } from '../core/errors.js';
import { sampleContext } from '../random/sample-context.js';

/** Samples of a range, all at once where they have to be waited for. */
export function readSamples(
  dataset: Dataset<unknown>,
  start: number,
  end: number,
): unknown[] | Promise<unknown[]> {
  const samples = new Array<unknown>(end - start);
  let isWaiting = false;
  for (let index = start; index < end; index++) {
    const sample = readSample(dataset, index);
    isWaiting ||= sample instanceof Promise;
    samples[index - start] = sample;
  }
  return isWaiting ? Promise.all(samples) : samples;
}

function readSample(dataset: Dataset<unknown>, index: number): unknown {
  try {
    const sample = dataset.get(index, sampleContext(index));
    return sample instanceof Promise ? sample.catch((cause) => rethrow(cause, index)) : sample;
  } catch (cause) {
    return rethrow(cause, index);
  }
}

function rethrow(cause: unknown, index: number): never {
  throw new SampleError('It could not be read', { where: { index }, cause });
}

/** What failed, and on which samples of `start … end - 1`: on the one that the cause names, where it does. */
export function notMeasured(
  dataset: Dataset<unknown>,
  start: number,
  end: number,
  cause: unknown,
): SampleError {
  const { name, where } = datasetTitle(dataset);
  const one = cause instanceof MillraceError ? cause.where.index : undefined;
  if (typeof one === 'number') {
    const reason = cause instanceof SampleError && cause.cause !== undefined ? cause.cause : cause;
    return new SampleError(`Sample ${one} of ${name} could not be measured`, {
      where: { ...where, index: one },
      cause: reason,
    });
  }
  return new SampleError(`Samples ${start} to ${end - 1} of ${name} could not be measured`, {
    where: { ...where, index: start },
    cause,
  });
}
