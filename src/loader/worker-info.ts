/** What a worker knows about itself. */
export interface WorkerInfo {
  /** Number of this worker, `0 … numWorkers - 1`. */
  readonly id: number;
  readonly numWorkers: number;
  readonly seed: number;
}

let current: WorkerInfo | null = null;

/** The worker this code runs in, or `null` on the main thread. Samples must not depend on it. */
export function getWorkerInfo(): WorkerInfo | null {
  return current;
}

/** Called once, when a worker starts. */
export function setWorkerInfo(info: WorkerInfo): void {
  current = info;
}
