import { Command, Option } from 'commander';
import type { ChecksumReport } from '../../convert/manifest.js';
import { ConfigError } from '../../core/errors.js';
import { shownLocation } from '../../core/shown-location.js';
import { visibleText } from '../../core/visible-text.js';
import type { FormatName } from '../../formats/format-table.js';
import { formatNames } from '../../formats/format-table.js';
import type { verifyReceipt } from '../../loader/verify-receipt.js';
import { formatCount } from '../../web/kit/numbers.js';
import { Failed } from '../run-program.js';
import { createProgress, type ProgressStage } from '../terminal/progress.js';
import { openLoader } from '../verify/open-loader.js';
import { type Verification, verifyAgainst } from '../verify/verify-against.js';
import { type DataVerification, verifyData } from '../verify/verify-data.js';
import { verifyReceiptFile } from '../verify/verify-receipt-file.js';
import { wholeNumber } from '../whole-number.js';

/** Maximum number of damaged samples printed. */
const shownDamages = 20;

interface VerifyFlags {
  readonly format?: FormatName;
  readonly against?: string;
  readonly receipt?: string;
  readonly samples?: number;
  readonly rank: number;
  readonly worldSize: number;
  readonly parity: boolean;
  readonly valuesOnly?: boolean;
  readonly limit?: number;
  readonly json?: boolean;
}

/** `millrace verify`: checks data for damage, and batches against a dump or receipt. */
export function verifyCommand(): Command {
  return new Command('verify')
    .summary('check a whole data set for damage, or compare a loader with an earlier run')
    .description(
      'For a data set (a path or URL) or a .difficulty file, reads everything and lists damaged samples and wrong checksums.\n' +
        'For a loader, finds the first difference from a dump that docs/dump_batches.py wrote in Python, or from a receipt, whose\n' +
        'order is computed without reading samples. The loader is the default export of a module, or a DeepSpeed configuration,\n' +
        'for which sample ids are compared.',
    )
    .argument(
      '<what>',
      'a data set; or a module that exports a loader (.js, .mjs, .ts), or a DeepSpeed configuration',
    )
    .option('--against <dump>', 'dump of batches to compare with')
    .option('--receipt <file>', 'receipt to compare with: loader.receipt() as JSON')
    .option('--samples <count>', 'samples of the dataset (for a configuration)', wholeNumber(1))
    .option('--rank <rank>', 'rank of the dump (for a configuration)', wholeNumber(0), 0)
    .option('--world-size <ranks>', 'number of ranks (for a configuration)', wholeNumber(1), 1)
    .option('--no-parity', `without the defects of the original (for a configuration)`)
    .option('--values-only', 'compare values and ignore dtypes')
    .option('--limit <batches>', 'maximum number of batches to compare', wholeNumber(1))
    .addOption(
      new Option('--format <name>', 'format of the data set, if it cannot be detected').choices([
        ...formatNames,
      ]),
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      [
        '',
        'Examples:',
        '  millrace verify "s3://bucket/train/*.parquet"',
        '  millrace verify loader.ts --against batches.jsonl',
        '  millrace verify loader.ts --receipt receipt.json',
      ].join('\n'),
    )
    .action(verify);
}

async function verify(path: string, flags: VerifyFlags): Promise<void> {
  const { against, receipt } = flags;
  if (against !== undefined && receipt !== undefined) {
    throw new ConfigError('millrace verify', [
      { field: '--against', message: 'cannot be given together with --receipt' },
    ]);
  }
  if (against === undefined && receipt === undefined) {
    if (/\.([mc]?[jt]s|json|hjson)$/.test(path)) {
      throw new ConfigError('millrace verify', [
        { field: '--against', message: 'is missing: to verify a loader, pass --against or --receipt' },
      ]);
    }
    if (/\.difficulty$/i.test(path)) await checkDifficulty(path, flags.json ?? false);
    else await checkData(path, flags);
  } else if (against !== undefined) await verifyDump(path, against, flags);
  else if (receipt !== undefined) await checkReceipt(path, receipt, flags.json ?? false);
}

/** Reads a whole difficulty index and compares its checksums. */
async function checkDifficulty(path: string, json: boolean): Promise<void> {
  const { DifficultyFile } = await import('../../analysis/difficulty-file.js');
  const file = DifficultyFile.openSync(path);
  try {
    file.verify();
    const { samples, metric } = file.header;
    process.stdout.write(
      `${json ? JSON.stringify({ format: 'difficulty', samples, metric }) : `The checksums of ${path} match: ${metric} of ${formatCount(samples)} samples.`}\n`,
    );
  } finally {
    file.close();
  }
}

async function checkData(name: string, { format, json = false }: VerifyFlags): Promise<void> {
  const progress = createProgress({ stream: process.stderr, json });
  let stage: ProgressStage | undefined;
  let result: DataVerification | undefined;
  try {
    result = await verifyData(name, {
      format,
      onProgress(done, total) {
        stage ??= progress.stage('Reading', total);
        stage.update(done, `${formatCount(done)} samples`);
      },
    });
  } finally {
    stage?.finish(result && `${formatCount(result.samples)} samples`);
  }
  process.stdout.write(`${json ? JSON.stringify(result) : describeData(shownLocation(name), result)}\n`);
  if (result.damagedCount > 0 || result.damagedFiles.length > 0 || result.checksums?.damaged.length)
    throw new Failed();
}

function describeData(name: string, verification: DataVerification): string {
  const { checksums, damagedFiles } = verification;
  return [
    describeSamples(name, verification),
    ...damagedFiles.map(({ message }) => message),
    ...(checksums ? [describeChecksums(checksums)] : []),
  ].join('\n');
}

function describeChecksums({ files, damaged }: ChecksumReport): string {
  if (damaged.length === 0)
    return files === 1
      ? 'The file has the checksum that millrace convert recorded.'
      : `All ${files} files have the checksums that millrace convert recorded.`;
  return `The checksums of these files differ from those that millrace convert recorded: ${damaged.join(', ')}.`;
}

function describeSamples(name: string, { samples, damagedCount, damaged }: DataVerification): string {
  const all = `${formatCount(samples)} ${samples === 1 ? 'sample' : 'samples'}`;
  if (damagedCount === 0) return `${all} of ${name} are readable.`;
  const lines = damaged.slice(0, shownDamages).map(({ message }) => `  ${message}`);
  const more = damagedCount - lines.length;
  return [
    `${formatCount(damagedCount)} of ${all} of ${name} are damaged:`,
    ...lines,
    ...(more > 0 ? [`  and ${formatCount(more)} more`] : []),
  ].join('\n');
}

async function checkReceipt(path: string, file: string, json: boolean): Promise<void> {
  const result = await verifyReceiptFile(path, file);
  process.stdout.write(
    `${json ? JSON.stringify({ equal: !result.difference, ...result }) : describeReceipt(file, result)}\n`,
  );
  if (result.difference) throw new Failed();
}

function describeReceipt(
  file: string,
  { batches, digest, difference }: ReturnType<typeof verifyReceipt>,
): string {
  const counted = `${formatCount(batches)} ${batches === 1 ? 'batch' : 'batches'}`;
  if (!difference) return `${counted} of ${file} match this loader. Digest ${digest}`;
  const { batch, epoch, step, microBatch, rank, isLatest } = difference;
  const micro = microBatch > 0 ? `, micro-batch ${microBatch}` : '';
  return [
    `Different from ${file} ${isLatest ? 'at or before' : 'first at'} batch ${formatCount(batch)} of the receipt: step ${step}${micro} of epoch ${epoch}, on rank ${rank}.`,
    'Compare what the fingerprint does not cover: the code and the data of the sampler.',
  ].join('\n');
}

async function verifyDump(path: string, against: string, flags: VerifyFlags): Promise<void> {
  const { limit = Number.POSITIVE_INFINITY, valuesOnly = false, json = false } = flags;
  const { samples, rank, worldSize, parity } = flags;
  const { loader, close } = await openLoader(path, { samples, rank, worldSize, parity });
  const stage = createProgress({ stream: process.stderr, json }).stage('Comparing', 0);
  try {
    const onBatch = (compared: number): void => stage.update(compared, `${formatCount(compared)} batches`);
    const result = await verifyAgainst(loader, against, { limit, valuesOnly, onBatch });
    stage.finish(`${formatCount(result.batches)} batches equal`);
    process.stdout.write(
      `${json ? JSON.stringify({ equal: !result.difference, ...result }) : describe(against, result)}\n`,
    );
    if (result.difference) throw new Failed();
  } finally {
    await close();
  }
}

function describe(dump: string, { batches, epochs, difference }: Verification): string {
  if (!difference) {
    const compared = `${formatCount(batches)} ${batches === 1 ? 'batch' : 'batches'}`;
    return `${compared} in ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} ${batches === 1 ? 'is' : 'are'} equal to ${dump}.`;
  }
  const { epoch, batch, path } = difference;
  return [
    `Different from ${dump} in batch ${batch} of epoch ${epoch}${path ? `, at ${visibleText(path)}` : ''}:`,
    `  in the dump  ${visibleText(difference.dumped)}`,
    `  here         ${visibleText(difference.here)}`,
    `${equalBefore(batches)} ${advice(difference.dumped, batches)}`,
  ].join('\n');
}

function equalBefore(batches: number): string {
  if (batches === 0) return 'This is the first batch.';
  return `${batches === 1 ? 'The batch' : `The ${formatCount(batches)} batches`} before it ${batches === 1 ? 'is' : 'are'} equal.`;
}

function advice(dumped: string, equalBatches: number): string {
  if (dumped.startsWith('the dtype'))
    return `torchCollate() returns PyTorch's dtypes; --values-only ignores dtypes.`;
  if (dumped.startsWith('the end') || dumped.startsWith('another')) {
    return 'Compare the length of the dataset, the batch size, drop-last and the world size.';
  }
  return equalBatches === 0
    ? 'Compare seed, generator, rank and world size, and the preprocessing of the samples.'
    : 'Compare what changes during the run: epochs, schedules, and random transforms.';
}
