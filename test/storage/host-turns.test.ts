import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

/** Asks a host a hundred times, in a worker among others or in the main thread. Returns how many requests are sent at once. */
async function requestsAtOnce(numWorkers: number | undefined): Promise<number> {
  const url = (path: string) => JSON.stringify(new URL(`../../dist/${path}.js`, import.meta.url).href);
  const info = numWorkers === undefined ? 'undefined' : `{ id: 0, numWorkers: ${numWorkers}, seed: 0 }`;
  const program = `
    import { setImmediate } from 'node:timers/promises';
    import { parentPort } from 'node:worker_threads';
    import { setWorkerInfo } from ${url('core/worker-info')};
    import { inTurn } from ${url('storage/host-turns')};
    setWorkerInfo(${info});
    let sent = 0;
    for (let k = 0; k < 100; k++)
      inTurn('https://host/' + k, () => {
        sent += 1;
        return new Promise(() => {});
      });
    await setImmediate();
    parentPort.postMessage(sent);
  `;
  const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
  try {
    return await new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject));
  } finally {
    await thread.terminate();
  }
}

it('shares the requests of a process to a host among the workers of a loader', async () => {
  expect(await requestsAtOnce(undefined)).toBe(48);
  expect(await requestsAtOnce(4)).toBe(12);
  expect(await requestsAtOnce(100)).toBe(1);
});
