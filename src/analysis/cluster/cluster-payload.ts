// Data from Redis and the shared store was written by another process, possibly of another version, possibly by an attacker. This module
// validates it before anything that it names is opened.
import * as v from 'valibot';
import { FormatError, StateMismatchError, StorageError } from '../../core/errors.js';
import { integerFrom } from '../../core/options.js';
import { formatNames } from '../../formats/format-table.js';
import type { IndexRange } from '../../parts/part-range.js';
import { type ObjectStore, readObject } from '../../storage/object-store.js';
import { type AnalysisDescription, analysisId, checkVersion } from '../analysis-description.js';
import { deepSpeedPartsSchema, layoutRequired } from '../analyze-difficulty-options.js';
import { RangeWork } from '../range-work.js';
import type { ClusterAnalysis, ClusterJobData, ClusterJobName } from './cluster-job.js';

const analysisIdSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const rangeSchema = v.tuple([integerFrom(0), integerFrom(0)]);

const jobSchema = v.object({
  name: v.picklist(['count', 'merge-counts', 'map', 'reduce'] satisfies ClusterJobName[]),
  data: v.object({
    outputDir: v.pipe(
      v.string(),
      v.regex(
        /^(\/|[A-Za-z]:[\\/]|\\\\|(s3|gs|az):\/\/)/,
        'must be an absolute path, or an s3:, gs: or az: URL',
      ),
    ),
    id: analysisIdSchema,
    range: v.optional(rangeSchema),
  }),
});

/** A job of the queue, checked. */
export interface ClusterJob {
  readonly name: ClusterJobName;
  readonly data: ClusterJobData;
}

/** @throws {@link FormatError} for a job that Millrace did not write. */
export function readJob(job: { readonly name: string; readonly data: unknown }): ClusterJob {
  const { name, data } = job;
  const result = v.safeParse(jobSchema, { name, data });
  if (result.success) return result.output;
  throw foreign('The job does not belong to an analysis', result.issues);
}

const moduleSchema = v.object({
  module: v.string(),
  export: v.string(),
  calls: v.boolean(),
  options: v.optional(v.unknown()),
});

const filesSchema = v.object({
  files: v.string(),
  format: v.optional(v.picklist(formatNames)),
  columns: v.optional(v.array(v.string())),
});

const descriptionSchema = v.looseObject({
  millrace: v.string(),
  dataset: v.string(),
  samples: integerFrom(0),
  partSamples: integerFrom(1),
  metrics: v.array(
    v.looseObject({ name: v.string(), kind: v.string(), scale: v.number(), code: v.string() }),
  ),
  layout: layoutRequired,
  deepSpeedParts: deepSpeedPartsSchema,
});

const analysisSchema = v.object({
  dataset: v.union([filesSchema, moduleSchema]),
  metrics: v.array(v.union([v.string(), moduleSchema])),
  description: descriptionSchema,
  request: v.object({ ranges: v.array(rangeSchema), mergeBytes: integerFrom(1) }),
  needsCounts: v.boolean(),
  attempts: integerFrom(1),
  backoffMs: integerFrom(0),
});

/**
 * The specification of an analysis.
 *
 * @throws {@link StateMismatchError} when another version of Millrace wrote it, {@link FormatError} when it is not one, or not the one of
 *   this id.
 */
export function readSpecification(text: string, id: string): ClusterAnalysis {
  const parsed = parseJson(text);
  const description = (parsed as { description?: Partial<AnalysisDescription> } | null)?.description;
  if (typeof description?.millrace === 'string') checkVersion(description.millrace);
  const result = v.safeParse(analysisSchema, parsed);
  if (!result.success) throw foreign('The specification of the analysis is damaged', result.issues);
  const analysis = result.output as unknown as ClusterAnalysis;
  if (analysisId(analysis.description) !== id)
    throw new FormatError('The specification is that of another analysis', {
      where: { analysis: id, found: analysisId(analysis.description) },
      next: 'Start the analysis again.',
    });
  return analysis;
}

const specification = (folder: string): string => `${folder}/analysis.json`;

export function writeAnalysis(store: ObjectStore, analysis: ClusterAnalysis): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(analysis));
  return store.put(specification(RangeWork.folder(analysis.description)), bytes);
}

/** @throws {@link StorageError} if the store does not hold the analysis; what {@link readSpecification} throws. */
export async function readAnalysis(store: ObjectStore, id: string): Promise<ClusterAnalysis> {
  const bytes = await readObject(store, specification(`.parts/${id}`));
  if (bytes) return readSpecification(new TextDecoder().decode(bytes), id);
  throw new StorageError('The shared store does not hold this analysis', {
    where: { store: store.name, analysis: id },
    next: 'Every machine must see the same folder under this name; use an s3:, gs: or az: URL if they do not share a disk. If the folder was removed, start the analysis again.',
  });
}

/** @throws {@link FormatError} for a job on a range that is not one of the analysis. */
export function rangeOf({ request }: ClusterAnalysis, { range }: ClusterJobData): IndexRange {
  const own = request.ranges.find(([start, end]) => start === range?.[0] && end === range[1]);
  if (own) return own;
  throw new FormatError('The job is on a range that is not one of its analysis', {
    where: { range: range ? range.join(' to ') : '(none)' },
    next: 'Start the analysis again.',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError('The specification of the analysis is not JSON', {
      cause,
      next: 'Start the analysis again.',
    });
  }
}

function foreign(what: string, issues: readonly v.BaseIssue<unknown>[]): FormatError {
  const [issue] = issues;
  return new FormatError(what, {
    where: { field: (issue && v.getDotPath(issue)) ?? '(all of it)', problem: issue?.message ?? '' },
    next: 'If Millrace wrote it, give every machine the same version.',
  });
}

const progressSchema = v.object({
  samples: v.optional(integerFrom(0)),
  refused: v.optional(integerFrom(0)),
  refusals: v.optional(v.array(v.object({ worker: v.string(), reason: v.string() }))),
});

/** Why a worker returned a job. */
export interface Refusal {
  readonly worker: string;
  readonly reason: string;
}

/** Progress of a job. */
export interface JobProgress {
  /** Samples done so far. */
  readonly samples?: number | undefined;
  /** How often workers returned the job. */
  readonly refused?: number | undefined;
  /** The last reason of each of these workers. */
  readonly refusals?: readonly Refusal[] | undefined;
}

/** The progress of a job; empty if it cannot be read. */
export function readProgress(progress: unknown): JobProgress {
  const result = v.safeParse(progressSchema, progress);
  return result.success ? result.output : {};
}
