import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { StorageError } from '../../core/errors.js';
import { type SelectionManifest, selectionFile, splitFile } from '../../formats/selection.js';
import { FileWriter } from '../../storage/file-writer.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { difficultyPath } from '../reduce-analysis.js';
import { removedFile } from './write-selection.js';

const copiedAtOnce = 1 << 24;

/**
 * Writes a selection where its measures are on this machine: beside them if the store is a folder, else in a temporary
 * folder, with a copy of the measures, whose files are then stored, the manifest last. Removes the measures at the end.
 *
 * @param measures - Folder of the measures in the store.
 * @param metrics - Names of the metrics.
 */
export async function withLocalMeasures(
  store: ObjectStore,
  measures: string,
  metrics: readonly string[],
  write: (folder: string, measures: string) => Promise<SelectionManifest>,
): Promise<SelectionManifest> {
  if (store.folder !== undefined) {
    const manifest = await write(store.folder, join(store.folder, measures));
    await store.remove(`${measures}/`);
    return manifest;
  }
  const folder = mkdtempSync(join(tmpdir(), 'millrace-selection-'));
  try {
    for (const metric of metrics) {
      const name = difficultyPath(measures, metric);
      await copy(store, name, join(folder, name));
    }
    const manifest = await write(folder, join(folder, measures));
    const files = [...Object.keys(manifest.splits).map(splitFile), removedFile, selectionFile];
    for (const file of files) await store.putFile(file, join(folder, file));
    await store.remove(`${measures}/`);
    return manifest;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function copy(store: ObjectStore, name: string, path: string): Promise<void> {
  const source = await store.open(name);
  if (!source)
    throw new StorageError('A measure of the selection is missing', {
      where: { store: store.name, name },
      next: 'Select again.',
    });
  mkdirSync(dirname(path), { recursive: true });
  const writer = new FileWriter(path);
  try {
    for (let at = 0; at < source.byteLength; at += copiedAtOnce)
      writer.append(await source.read(at, Math.min(at + copiedAtOnce, source.byteLength)));
    writer.finish();
    writer.publish();
  } catch (error) {
    writer.discard();
    throw error;
  } finally {
    source.close();
  }
}
