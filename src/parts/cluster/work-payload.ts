// Data from Redis and the shared store was written by another process, possibly of another version, possibly by an attacker. This module
// validates it before anything that it names is opened.
import * as v from 'valibot';
import { FormatError, StateMismatchError, StorageError } from '../../core/errors.js';
import { integerFrom } from '../../core/options.js';
import { version } from '../../core/version.js';
import { type ObjectStore, readObject } from '../../storage/object-store.js';
import { type JobData, type WorkSpecification, workFolder } from './work-specification.js';

const idSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const kindSchema = v.pipe(v.string(), v.regex(/^[a-z]{1,30}$/));
const jobNameSchema = v.pipe(v.string(), v.regex(/^[a-z-]{1,30}$/));

const jobSchema = v.object({
  kind: kindSchema,
  store: v.pipe(
    v.string(),
    v.regex(
      /^(\/|[A-Za-z]:[\\/]|\\\\|(?:s3|gs|az):\/\/)/,
      'must be an absolute path, or an s3:, gs: or az: URL',
    ),
  ),
  id: idSchema,
  phase: integerFrom(0),
  part: v.optional(integerFrom(0)),
});

/** @throws {@link FormatError} for a job that Millrace did not write. */
export function readJob(data: unknown): JobData {
  const result = v.safeParse(jobSchema, data);
  if (result.success) return result.output;
  throw foreign('The job is none of Millrace', result.issues);
}

const specificationSchema = v.object({
  millrace: v.string(),
  kind: kindSchema,
  id: idSchema,
  phases: v.pipe(
    v.array(
      v.object({
        partJob: jobNameSchema,
        joinJob: jobNameSchema,
        parts: integerFrom(1),
        samples: integerFrom(0),
        partSamples: integerFrom(1),
      }),
    ),
    v.minLength(1),
  ),
  attempts: integerFrom(1),
  backoffMs: integerFrom(0),
  details: v.unknown(),
});

/**
 * Parses a specification.
 *
 * @throws {@link StateMismatchError} when another version of Millrace wrote it, {@link FormatError} when it is not one, or not the one of
 *   this id.
 */
export function parseSpecification(text: string, id: string): WorkSpecification {
  const parsed = parseJson(text);
  const wanted = (parsed as { millrace?: unknown } | null)?.millrace;
  if (typeof wanted === 'string') checkVersion(wanted);
  const result = v.safeParse(specificationSchema, parsed);
  if (!result.success) throw foreign('The specification of the work is damaged', result.issues);
  if (result.output.id === id) return result.output;
  throw new FormatError('The specification is that of other work', {
    where: { id, found: result.output.id },
    next: 'Start it again.',
  });
}

/** Checks the details of a specification. @throws {@link FormatError} when they are not of this kind of work. */
export function parseDetails<S extends v.GenericSchema>(schema: S, details: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, details);
  if (result.success) return result.output;
  throw foreign('The specification of the work is damaged', result.issues);
}

/** @throws {@link StateMismatchError} if another version of Millrace started the work. */
function checkVersion(wanted: string): void {
  if (wanted === version) return;
  throw new StateMismatchError('This work was started with another version of Millrace', {
    where: { field: 'millrace', wanted, here: version },
    next: 'Use the same version of Millrace on every machine, or start it again from this one.',
  });
}

const specificationName = (id: string): string => `${workFolder(id)}/work.json`;

export function writeSpecification(store: ObjectStore, specification: WorkSpecification): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(specification));
  return store.put(specificationName(specification.id), bytes);
}

/** @throws {@link StorageError} if the store does not hold it; what {@link parseSpecification} throws. */
export async function readSpecification(store: ObjectStore, id: string): Promise<WorkSpecification> {
  const bytes = await readObject(store, specificationName(id));
  if (bytes) return parseSpecification(new TextDecoder().decode(bytes), id);
  throw new StorageError('The shared store does not hold this work', {
    where: { store: store.name, id },
    next: 'Every machine must see the same folder under this name; use an s3:, gs: or az: URL if they do not share a disk. If the folder was removed, start the work again.',
  });
}

/** @throws {@link FormatError} for a job on a part that the work does not have. */
export function checkPart({ phases }: WorkSpecification, { phase, part }: JobData): void {
  const own = phases[phase];
  if (own && (part === undefined || part < own.parts)) return;
  throw new FormatError('The job names a part that its work does not have', {
    where: { phase, part: part ?? '(join)' },
    next: 'Start the work again.',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError('The specification of the work is not JSON', {
      cause,
      next: 'Start the work again.',
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
