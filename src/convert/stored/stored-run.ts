import { existsSync } from 'node:fs';
import { ConfigError, StorageError } from '../../core/errors.js';
import { version } from '../../core/version.js';
import { type ClusterSettings, cancelWork, runOnCluster } from '../../parts/cluster/run-on-cluster.js';
import type { WorkSpecification } from '../../parts/cluster/work-specification.js';
import type { OnPartProgress } from '../../parts/progress-count.js';
import { ProgressCount } from '../../parts/progress-count.js';
import { shareParts } from '../../parts/share-parts.js';
import { isMissing } from '../../storage/is-missing.js';
import { listFiles } from '../../storage/list-files.js';
import { readObject } from '../../storage/object-store.js';
import type { ConversionOutcome } from '../conversion-run.js';
import type { ConversionProgress } from '../convert-options.js';
import type { ConversionManifest } from '../manifest.js';
import type { Part, PartWriter } from '../part.js';
import type { PartWriterSetup } from '../part-writer-setup.js';
import { type ConversionDetails, conversionPhases } from './conversion-details.js';
import { finishedConversion, publishStored } from './publish-stored.js';
import { type StoredConversion, StoredParts, workLocation } from './stored-parts.js';
import { StoredWorker } from './stored-worker.js';

/** What a conversion into a shared store runs with. */
export interface StoredRunOptions {
  readonly overwrite: boolean;
  readonly onProgress?: ((progress: ConversionProgress) => void) | undefined;
}

/** Who makes the parts: threads of this process, or the workers of a queue. */
export type StoredEngine =
  | {
      readonly parts: readonly Part[];
      /** Writes parts on the calling thread, if there are no threads. */
      readonly writer: PartWriter;
      readonly setup: () => PartWriterSetup;
      readonly threads: number;
      /** Parts made at once on the calling thread. */
      readonly lanes: number;
    }
  | {
      readonly cluster: ClusterSettings & { readonly attempts: number; readonly backoffMs: number };
      readonly details: ConversionDetails;
    };

const jobFile = 'job.json';

/**
 * Converts into a store that several machines share: a bucket, or a folder for a cluster. Continues with the parts that
 * are whole.
 */
export async function runStored(
  conversion: StoredConversion,
  engine: StoredEngine,
  { overwrite, onProgress }: StoredRunOptions,
): Promise<ConversionOutcome> {
  const { output, job, to } = conversion;
  const known = await finishedConversion(output, job);
  const parts = await StoredParts.open(conversion);
  const outcome = (
    { samples, tokens, failures, files }: ConversionManifest,
    continued: number,
  ): ConversionOutcome => ({
    output,
    to,
    samples,
    ...(tokens !== undefined && { tokens }),
    ...(failures !== undefined && { failures }),
    files,
    continued,
    wasDone: known !== undefined,
  });
  if (known) {
    await removeWork(parts);
    return outcome(known, known.samples);
  }
  await takeOutput(parts, overwrite);
  const progress = new ProgressCount<ConversionProgress['phase']>(conversion.samples, onProgress);
  let continued = 0;
  if ('cluster' in engine) await onCluster(conversion, engine, progress);
  else continued = await inThreads(parts, engine, progress);
  const manifest = await finishedConversion(output, job);
  if (!manifest)
    throw new StorageError('The output changed while it was written', {
      where: { output },
      next: 'Let only one command write it, and run it again.',
    });
  await removeWork(parts);
  return outcome(manifest, continued);
}

/** Removes a conversion from the queue. Returns whether it was there. */
export function cancelStored(
  conversion: StoredConversion,
  engine: Extract<StoredEngine, { readonly cluster: unknown }>,
): Promise<boolean> {
  return cancelWork(workLocation(conversion.output), specificationOf(conversion, engine), engine.cluster);
}

/** Notes that this job writes the output, unless another job does, or the output exists. */
async function takeOutput(parts: StoredParts, overwrite: boolean): Promise<void> {
  const { work, target, name, conversion } = parts;
  const bytes = await readObject(work, jobFile);
  const known = bytes && new TextDecoder().decode(bytes);
  if (known === conversion.job) return;
  const place = { output: conversion.output };
  if (known !== undefined && !overwrite)
    throw new StorageError('Another conversion to this output was started and is not finished', {
      where: place,
      next: 'Run its command again to finish it, or pass overwrite: true (--overwrite) to discard it.',
    });
  if (!overwrite && (await isTaken(parts)))
    throw new StorageError('The output exists already and has other content', {
      where: place,
      next: 'Choose another output, or pass overwrite: true (--overwrite) to replace it.',
    });
  if (known !== undefined) await removeWork(parts);
  // In a folder, the old output stays until the new one replaces it.
  if (overwrite && parts.isInPlace) await target.remove(`${name}/`);
  await work.put(jobFile, new TextEncoder().encode(conversion.job));
}

async function isTaken({ conversion: { to, output }, target, name }: StoredParts): Promise<boolean> {
  if (to === 'tokens') {
    for (const ending of ['.bin', '.idx']) {
      const source = await target.open(`${name}${ending}`);
      source?.close();
      if (source) return true;
    }
    return false;
  }
  if (target.folder !== undefined) return existsSync(output);
  try {
    return (await listFiles(`${output}/`)).length > 0;
  } catch (error) {
    if (error instanceof StorageError || isMissing(error)) return false;
    throw error;
  }
}

function removeWork({ target, name }: StoredParts): Promise<void> {
  return target.remove(`${name}.converting/`);
}

function specificationOf(
  { job, samples, parts }: StoredConversion,
  { cluster: { attempts, backoffMs }, details }: Extract<StoredEngine, { readonly cluster: unknown }>,
): WorkSpecification<ConversionDetails> {
  const phases = conversionPhases(samples, parts, details.partSamples);
  return { millrace: version, kind: 'conversion', id: job, phases, attempts, backoffMs, details };
}

async function onCluster(
  conversion: StoredConversion,
  engine: Extract<StoredEngine, { readonly cluster: unknown }>,
  progress: ProgressCount<ConversionProgress['phase']>,
): Promise<void> {
  const { output, job, samples: all } = conversion;
  let seen = -1;
  const restarted = { merging: false };
  await runOnCluster(
    workLocation(output),
    specificationOf(conversion, engine),
    engine.cluster,
    ({ isJoining, samples }) => {
      if (isJoining && !restarted.merging) {
        restarted.merging = true;
        progress.restart('merging')({ samples: 0 });
        seen = 0;
      }
      const done = Math.min(all, samples);
      if (done > seen)
        progress.in(isJoining ? 'merging' : 'converting')({ samples: done - Math.max(0, seen) });
      seen = Math.max(seen, done);
    },
    () => finishedConversion(output, job),
  );
}

/** Makes the parts in threads of this process and joins them. Returns the samples that an earlier run had finished. */
async function inThreads(
  parts: StoredParts,
  engine: Extract<StoredEngine, { readonly threads: number }>,
  progress: ProgressCount<ConversionProgress['phase']>,
): Promise<number> {
  const { conversion } = parts;
  const missing: Part[] = [];
  const onProgress = progress.in('converting');
  let continued = 0;
  for (const part of engine.parts) {
    const receipt = await parts.wholePart(part.number);
    if (receipt) {
      continued += receipt.samples;
      onProgress(receipt);
    } else missing.push(part);
  }
  const threads = Math.min(engine.threads, missing.length);
  const setup = threads > 0 ? engine.setup() : undefined;
  const workers = setup
    ? Array.from({ length: threads }, (_, id) => new StoredWorker({ writer: setup, conversion }, id))
    : [];
  const makers: ((part: Part, onProgress: OnPartProgress) => Promise<unknown>)[] = workers.map(
    (worker) => (part, report) => worker.make(part, report),
  );
  if (makers.length === 0)
    for (let lane = 0; lane < engine.lanes; lane++)
      makers.push((part, report) => parts.make(part, engine.writer, report));
  try {
    await shareParts(makers, missing, 'finish', async (make, part) => {
      await make(part, onProgress);
    });
  } finally {
    for (const worker of workers) await worker.close();
  }
  await publishStored(parts, progress.restart('merging'));
  return continued;
}

/** @throws {@link ConfigError} for options of storage, which may hold secrets, and which workers could not use. */
export function checkNoStorageOptions(storage: object): void {
  const [name] = Object.keys(storage);
  if (name === undefined) return;
  const message = `has no effect on a cluster: each machine takes headers, credentials and caches from its environment`;
  throw new ConfigError('convert options', [{ field: name, message }]);
}
