import type { ObjectStore } from '../../storage/object-store.js';
import type { OnPartProgress } from '../progress-count.js';
import type { AllowedModules } from './allowed-modules.js';
import type { JobData, WorkSpecification } from './work-specification.js';

/** A kind of long work that runs on a cluster. */
export interface WorkKind {
  /** Whether the work is complete, so that its remaining jobs have nothing to do. */
  isDone(store: ObjectStore, id: string): Promise<boolean>;
  /**
   * Opens the work on this machine and compares its data and modules with those that the specification was made from.
   *
   * @param store - Location of the parts.
   * @throws {@link ConfigError} for a module that is not allowed, before anything is imported; {@link
   *   StateMismatchError} if data or modules differ; {@link FormatError} for a specification that is not of this kind.
   */
  open(specification: WorkSpecification, store: string, allowed: AllowedModules): Promise<StartThread>;
}

/** Starts a thread that does jobs of the work. */
export type StartThread = (id: number) => WorkThread;

/** A job, without the names of its work. */
export type WorkRequest = Pick<JobData, 'phase' | 'part'>;

/** A thread that does one job at a time. A job that was done before finds its result and ends. */
export interface WorkThread {
  /** Whether the thread has ended by itself. */
  readonly hasFailed: boolean;
  run(request: WorkRequest, onProgress: OnPartProgress): Promise<void>;
  close(): Promise<void>;
}
