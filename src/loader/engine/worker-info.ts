/** What a worker knows about itself. */
export interface WorkerInfo {
  /** Number of this worker, `0 … numWorkers - 1`. */
  readonly id: number;
  readonly numWorkers: number;
  readonly seed: number;
}

const workerInfoKey: unique symbol = Symbol.for('millrace.workerInfo');

// Kept by the thread: the program of a worker is one file with a copy of this module, beside the one that users import.
const place = globalThis as { [workerInfoKey]?: WorkerInfo };

/** The worker this code runs in, or `null` on the main thread. Samples must not depend on it. */
export function getWorkerInfo(): WorkerInfo | null {
  return place[workerInfoKey] ?? null;
}

/** Called once, when a worker starts. */
export function setWorkerInfo(info: WorkerInfo): void {
  place[workerInfoKey] = info;
}
