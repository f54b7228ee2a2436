/** One phase of long work: parts, which any worker makes in any order, then one job that joins them. */
export interface WorkPhase {
  /** Name of the job of a part, for messages. */
  readonly partJob: string;
  /** Name of the job that joins the parts, for messages. */
  readonly joinJob: string;
  readonly parts: number;
  readonly samples: number;
  /** Samples of a part; the last one may have fewer. */
  readonly partSamples: number;
}

/** Long work as workers read it, stored beside its parts. */
export interface WorkSpecification<Details = unknown> {
  /** Version of Millrace. */
  readonly millrace: string;
  /** The kind of work: `analysis`, `conversion`. */
  readonly kind: string;
  /** Fingerprint of everything that determines the result. */
  readonly id: string;
  /** At least one. */
  readonly phases: readonly WorkPhase[];
  /** Number of attempts of a job. */
  readonly attempts: number;
  /** Pause before the second attempt, in milliseconds; it doubles with each further attempt. */
  readonly backoffMs: number;
  /** What the kind of work needs besides. */
  readonly details: Details;
}

/** Payload of a job in the queue. */
export interface JobData {
  readonly kind: string;
  /** Location of parts and specification on the shared store: a path or URL. */
  readonly store: string;
  /** Id of the work. */
  readonly id: string;
  readonly phase: number;
  /** Number of the part; a job without one joins the parts of the phase. */
  readonly part?: number | undefined;
}

/** The folder of a work's specification, and of what else belongs to it alone. */
export function workFolder(id: string): string {
  return `.parts/${id}`;
}
