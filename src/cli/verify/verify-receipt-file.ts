import { readFile } from 'node:fs/promises';
import { ConfigError, FormatError, StorageError } from '../../core/errors.js';
import { DataLoader } from '../../loader/index.js';
import { type Receipt, readReceipt } from '../../loader/state/receipt.js';
import { verifyReceipt } from '../../loader/verify-receipt.js';
import { openLoader } from './open-loader.js';

/**
 * Checks the receipt in a file against the loader that a module exports.
 *
 * @throws {@link StorageError} if the file cannot be read, {@link FormatError} if it is not JSON, {@link ConfigError} if the module
 *   exports no `DataLoader`, and the errors of `verifyReceipt`.
 */
export async function verifyReceiptFile(
  path: string,
  file: string,
): Promise<ReturnType<typeof verifyReceipt>> {
  const receipt = await readJson(file);
  const layout = { samples: undefined, rank: 0, worldSize: 1, parity: false };
  const { loader, close } = await openLoader(path, layout);
  try {
    if (!(loader instanceof DataLoader)) {
      throw new ConfigError('millrace verify', [
        { field: path, message: 'exports no DataLoader by default, which --receipt needs' },
      ]);
    }
    await loader.ready();
    await adoptAmendments(loader, readReceipt(receipt));
    return verifyReceipt(loader, receipt);
  } finally {
    await close();
  }
}

/**
 * Weights, batch sizes and sequence lengths that changed while the run was going are in its receipt, not in the configuration: a loader takes
 * them from a state. What the configuration declares is compared with the receipt instead.
 */
async function adoptAmendments(loader: DataLoader<unknown>, { amendments }: Receipt): Promise<void> {
  const state = loader.stateDict();
  if (!amendments || state.amendments) return;
  loader.loadStateDict({ ...state, amendments });
  await loader.ready();
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new StorageError('The receipt cannot be read', {
      where: { file },
      next: 'Pass a file that contains JSON.stringify(loader.receipt()).',
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError('The receipt is not JSON', {
      where: { file },
      next: 'Pass a file that contains JSON.stringify(loader.receipt()).',
      cause,
    });
  }
}
