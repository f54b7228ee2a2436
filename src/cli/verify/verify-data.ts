import { verifyConversion } from '../../convert/index.js';
import type { ChecksumReport } from '../../convert/manifest.js';
import type { ErrorLocation } from '../../core/errors.js';
import { MillraceError } from '../../core/errors.js';
import type { FormatName } from '../../formats/format-table.js';
import { openDataset } from '../../formats/index.js';
import { sampleContext } from '../../random/sample-context.js';
import { localPath } from '../../storage/local-path.js';
import { isRemote } from '../../storage/url-scheme.js';

/** A damaged sample. */
export interface DamagedSample {
  readonly index: number;
  readonly message: string;
  readonly where: ErrorLocation;
}

/** Result of reading a whole data set. */
export interface DataVerification {
  readonly format: FormatName;
  readonly samples: number;
  readonly damagedCount: number;
  /** The first damaged samples. */
  readonly damaged: readonly DamagedSample[];
  /** Files that do not match their own checksums. */
  readonly damagedFiles: readonly Omit<DamagedSample, 'index'>[];
  /** Files with checksums that `millrace convert` recorded. */
  readonly checksums?: ChecksumReport;
}

export interface VerifyDataOptions {
  readonly format?: FormatName | undefined;
  /** Called regularly with the number of samples read. */
  onProgress(done: number, total: number): void;
}

/** Maximum number of damaged samples listed; all are counted. */
const keptDamages = 100;
/** Samples read concurrently, for remote data. */
const atOnce = 64;

/** Reads every sample and lists the damaged ones. @throws the errors of opening the data set. */
export async function verifyData(
  name: string,
  { format, onProgress }: VerifyDataOptions,
): Promise<DataVerification> {
  const opened = await openDataset(name, format ? { format } : {});
  const { dataset } = opened;
  const damaged: DamagedSample[] = [];
  let damagedCount = 0;
  try {
    for (let start = 0; start < dataset.length; start += atOnce) {
      const count = Math.min(atOnce, dataset.length - start);
      const reading = Array.from({ length: count }, async (_, k) =>
        dataset.get(start + k, sampleContext(start + k)),
      );
      for (const [k, result] of (await Promise.allSettled(reading)).entries()) {
        if (result.status === 'fulfilled') continue;
        if (!(result.reason instanceof MillraceError)) throw result.reason;
        const { message, where } = result.reason;
        damagedCount += 1;
        if (damaged.length < keptDamages) damaged.push({ index: start + k, message, where });
      }
      onProgress(start + count, dataset.length);
    }
    const damagedFiles: Omit<DamagedSample, 'index'>[] = [];
    for await (const { message, where } of dataset.checksumErrors?.() ?? [])
      damagedFiles.push({ message, where });
    const checksums = isRemote(name) ? undefined : await verifyConversion(localPath(name));
    const { format: found } = opened;
    return {
      format: found,
      samples: dataset.length,
      damagedCount,
      damaged,
      damagedFiles,
      ...(checksums && { checksums }),
    };
  } finally {
    await dataset.close?.();
  }
}
