import { verifyConversion } from '../../convert/index.js';
import type { ChecksumReport } from '../../convert/manifest.js';
import type { ErrorLocation } from '../../core/errors.js';
import { MillraceError } from '../../core/errors.js';
import type { FormatName } from '../../formats/format-table.js';
import { openDataset } from '../../formats/index.js';
import { sampleContext } from '../../random/sample-context.js';
import { localPath } from '../../storage/local-path.js';
import { isRemote } from '../../storage/url-scheme.js';

/** A sample that cannot be read. */
export interface DamagedSample {
  readonly index: number;
  readonly message: string;
  readonly where: ErrorLocation;
}

/** What reading all of a data set found. */
export interface DataVerification {
  readonly format: FormatName;
  readonly samples: number;
  readonly damagedCount: number;
  /** The first of them. */
  readonly damaged: readonly DamagedSample[];
  /** Files whose own checksums do not match. */
  readonly damagedFiles: readonly Omit<DamagedSample, 'index'>[];
  /** Files and their checksums, where `millrace convert` noted some. */
  readonly checksums?: ChecksumReport;
}

export interface VerifyDataOptions {
  readonly format?: FormatName | undefined;
  /** Told of every so many samples. */
  onProgress(done: number, total: number): void;
}

/** Damaged samples that are kept; all are counted. */
const keptDamages = 100;
/** Samples that are asked for at once: far-away data is read side by side. */
const atOnce = 64;

/** Reads every sample, and says which cannot be. @throws what opening the data set throws: damage that no sample is to be had behind */
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
