import { join } from 'node:path';
import { readBack } from '../parts/checksum.js';
import { type PartReceipt, partName } from '../parts/part-receipt.js';
import { FileWriter } from '../storage/file-writer.js';
import type { Part } from './part.js';

/**
 * Writes a part as one file, which has its name only once it is whole, and reads it back.
 *
 * @param ending - The ending of the file's name, without the dot.
 * @param fill - Appends the content.
 */
export async function writePartFile(
  { number, start, end }: Part,
  folder: string,
  ending: string,
  fill: (file: FileWriter) => Promise<void>,
): Promise<PartReceipt> {
  const file = new FileWriter(join(folder, `${partName(number)}.${ending}`), { checksum: true });
  try {
    await fill(file);
    file.finish();
    file.publish();
    const written = await readBack(file.path, file.checksum()!);
    return { number, samples: end - start, files: [written] };
  } catch (error) {
    file.discard();
    throw error;
  }
}
