// The program of a conversion thread: opens the input from its recipe, then writes parts.
import { workerData } from 'node:worker_threads';
import type { PartReceipt } from '../../parts/part-receipt.js';
import { type PartHandler, serveParts } from '../../parts/serve-parts.js';
import { makeFromRecipe } from '../../recipes/make-from-recipe.js';
import type { Part } from '../part.js';
import { makePartWriter } from '../part-writer-setup.js';
import type { ConvertThreadSetup } from './convert-worker.js';

serveParts(prepare(workerData));

async function prepare({ writer, folder }: ConvertThreadSetup): Promise<PartHandler<Part, PartReceipt>> {
  const parts = await makePartWriter(writer, makeFromRecipe);
  return (part, onProgress) => parts.write(part, folder, onProgress);
}
