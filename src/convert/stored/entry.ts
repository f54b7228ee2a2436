// The program of a thread of a stored conversion: opens the input from its recipe, then makes parts.
import { workerData } from 'node:worker_threads';
import type { PartReceipt } from '../../parts/part-receipt.js';
import { type PartHandler, serveParts } from '../../parts/serve-parts.js';
import { makeFromRecipe } from '../../recipes/make-from-recipe.js';
import { makePartWriter } from '../part-writer-setup.js';
import { publishStored } from './publish-stored.js';
import { StoredParts } from './stored-parts.js';
import type { StoredRequest, StoredThreadSetup } from './stored-worker.js';

serveParts(prepare(workerData));

async function prepare({
  writer: setup,
  conversion,
}: StoredThreadSetup): Promise<PartHandler<StoredRequest, PartReceipt | undefined>> {
  const parts = await StoredParts.open(conversion);
  const writer = await makePartWriter(setup, makeFromRecipe);
  return async (request, onProgress) => {
    if (request !== 'publish') return parts.make(request.part, writer, onProgress);
    await publishStored(parts, onProgress);
    return undefined;
  };
}
