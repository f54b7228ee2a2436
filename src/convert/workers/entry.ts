// The program of a conversion thread: opens the input from its recipe, then writes one part after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { toErrorRecord } from '../../core/error-record.js';
import { makeFromRecipe } from '../../recipes/make-from-recipe.js';
import { makePartWriter } from '../part-writer-setup.js';
import type { ConvertThreadSetup, FromConvertWorker, ToConvertWorker } from './protocol.js';

/** Samples between two messages of progress, which would cost more than they do. */
const reportEvery = 64;

const port = parentPort!;
const setup = workerData as ConvertThreadSetup;
const writer = makePartWriter(setup.writer, makeFromRecipe);
// Whoever asks for a part is told of a failure.
writer.catch(() => {});

port.on('message', async (part: ToConvertWorker) => {
  let samples = 0;
  let tokens = 0;
  const report = (): void => {
    send({ type: 'done', samples, tokens });
    samples = 0;
    tokens = 0;
  };
  try {
    const receipt = await (await writer).write(part, setup.folder, (done) => {
      samples += done.samples;
      tokens += done.tokens ?? 0;
      if (samples >= reportEvery) report();
    });
    report();
    send({ type: 'written', receipt });
  } catch (error) {
    send({ type: 'error', error: toErrorRecord(error) });
  }
});

function send(message: FromConvertWorker): void {
  port.postMessage(message);
}
