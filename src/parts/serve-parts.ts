import { parentPort } from 'node:worker_threads';
import { toErrorRecord } from '../core/error-record.js';
import type { PartReply } from './part-thread.js';
import type { OnPartProgress } from './progress-count.js';

/** Samples between two progress messages; a message for each sample would cost more than the sample. */
const reportEvery = 64;

/** Does the work of one request. */
export type PartHandler<Request, Result> = (request: Request, onProgress: OnPartProgress) => Promise<Result>;

/**
 * Runs the thread's side of a `PartThread`: answers requests one after the other.
 *
 * @param ready - The handler. If it fails, so does every request.
 */
export function serveParts<Request, Result>(ready: Promise<PartHandler<Request, Result>>): void {
  const port = parentPort!;
  const send = (reply: PartReply<Result>): void => port.postMessage(reply);
  // Each request reports the failure; until the first one it is not an unhandled rejection.
  ready.catch(() => {});
  port.on('message', async (request: Request) => {
    let samples = 0;
    let tokens = 0;
    const report = (): void => {
      send({ type: 'progress', progress: { samples, tokens } });
      samples = 0;
      tokens = 0;
    };
    try {
      const handle = await ready;
      const result = await handle(request, (done) => {
        samples += done.samples;
        tokens += done.tokens ?? 0;
        if (samples >= reportEvery) report();
      });
      if (samples > 0 || tokens > 0) report();
      send({ type: 'done', result });
    } catch (error) {
      send({ type: 'error', error: toErrorRecord(error) });
    }
  });
}
