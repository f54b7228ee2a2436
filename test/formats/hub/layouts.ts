import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HubDataset } from 'millrace/formats';
import { onTestFinished } from 'vitest';

/** The content of a file by its path. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** Writes a folder, which is removed after the test. */
export async function folderOf(files: Files): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-hub-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/** All rows of a dataset. */
export async function rowsOf<T>(dataset: HubDataset<T>): Promise<T[]> {
  const rows: T[] = [];
  for (let index = 0; index < dataset.length; index++) rows.push(await dataset.get(index));
  return rows;
}

/** A card with this YAML. */
export function card(...lines: string[]): string {
  return `---\n${lines.join('\n')}\n---\n# A data set\n`;
}
