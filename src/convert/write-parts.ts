import type { OnDone, Part, PartReceipt, PartWriter } from './part.js';
import type { WorkFolder } from './work-folder.js';

/** Hands parts to writers, each its next one when it is done with the last, until all are written. */
export async function writeParts(
  parts: readonly Part[],
  writers: readonly PartWriter[],
  folder: WorkFolder,
  onDone: OnDone,
): Promise<PartReceipt[]> {
  const waiting = parts[Symbol.iterator]();
  const receipts: PartReceipt[] = [];
  let hasFailed = false;
  const work = async (writer: PartWriter): Promise<void> => {
    for (let next = waiting.next(); !next.done && !hasFailed; next = waiting.next()) {
      try {
        const receipt = await writer.write(next.value, folder.parts, onDone);
        folder.accept(receipt);
        receipts.push(receipt);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(writers.map(work));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return receipts;
}
