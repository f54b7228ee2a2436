// lines.ts
import { readFile } from 'node:fs/promises';
import type { Dataset } from 'millrace';

export default async function openLines({
  file,
}: {
  file: string;
}): Promise<Dataset<string>> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  return {
    length: lines.length,
    get: (index) => lines[index]!,
    fingerprint: () => `lines of ${file}`,
  };
}
