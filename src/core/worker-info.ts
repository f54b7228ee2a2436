/** Information about a worker. */
export interface WorkerInfo {
  /** Number of this worker, `0 … numWorkers - 1`. */
  readonly id: number;
  readonly numWorkers: number;
  readonly seed: number;
}

const workerInfoKey: unique symbol = Symbol.for('millrace.workerInfo');

// Kept on the thread's global object, because the worker's program is a bundle with its own copy of this module.
const place = globalThis as { [workerInfoKey]?: WorkerInfo };

/** The worker that runs this code, or `null` on the main thread. Samples must not depend on it. */
export function getWorkerInfo(): WorkerInfo | null {
  return place[workerInfoKey] ?? null;
}

/** Sets the information once, when a worker starts. */
export function setWorkerInfo(info: WorkerInfo): void {
  place[workerInfoKey] = info;
}
