import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { storageFailure } from '../storage/storage-failure.js';
import { manifestPath, removeManifest } from './manifest.js';

/** Renames a finished folder to its final name, in place of the folder that has it. */
export function replaceFolder(made: string, output: string): void {
  const aside = `${output}.old`;
  rmSync(aside, { recursive: true, force: true });
  if (existsSync(output)) move(output, aside);
  move(made, output);
  rmSync(aside, { recursive: true, force: true });
}

/** Renames the files `merged.bin`, `merged.idx` and `merged.json` (the manifest) of a folder to their final names, in this order. */
export function replacePair(folder: string, output: string): void {
  removeManifest(manifestPath(output, 'tokens'));
  // If an old index remained between the two renames, it would describe the new data.
  rmSync(`${output}.idx`, { force: true });
  for (const ending of ['.bin', '.idx']) move(join(folder, `merged${ending}`), `${output}${ending}`);
  move(join(folder, 'merged.json'), manifestPath(output, 'tokens'));
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (cause) {
    throw storageFailure('write', to, cause);
  }
}
