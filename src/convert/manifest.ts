import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkedJson, parseCheckedJson } from '../core/checked-json.js';
import { FormatError } from '../core/errors.js';
import { isIntact } from '../parts/checksum.js';
import type { PartReceipt, WrittenFile } from '../parts/part-receipt.js';
import { readText, writeText } from '../parts/work-folder.js';

/** Output formats of a conversion. */
export const conversionTargets = ['tokens', 'webdataset', 'parquet', 'jsonl'] as const;

export type ConversionTarget = (typeof conversionTargets)[number];

/** Content of the manifest beside an output: what it was made from, and the checksums of its files. */
export interface ConversionManifest {
  readonly millrace: 'convert';
  readonly version: 1;
  readonly to: ConversionTarget;
  /** Identifies input and options. */
  readonly job: string;
  /** Paths and URLs, without secrets. */
  readonly inputs: readonly string[];
  readonly samples: number;
  readonly tokens?: number;
  /** Samples of a map whose function failed. */
  readonly failures?: number;
  readonly files: readonly WrittenFile[];
}

/**
 * Path of an output's manifest: in its folder, under a name that readers of whole folders skip, or beside its file
 * pair.
 */
export function manifestPath(output: string, to: ConversionTarget): string {
  return to === 'tokens' ? `${output}.convert.json` : join(output, '_convert.json');
}

export function manifestText(manifest: ConversionManifest): string {
  return `${checkedJson(manifest, 2)}\n`;
}

export function writeManifest(path: string, manifest: ConversionManifest): void {
  writeText(path, manifestText(manifest));
}

/** What the receipts of a conversion add up to. */
export function totalsOf(
  to: ConversionTarget,
  receipts: readonly PartReceipt[],
): Pick<ConversionManifest, 'tokens' | 'failures'> {
  const tokens = receipts.reduce((sum, receipt) => sum + (receipt.tokens ?? 0), 0);
  const failures = receipts.reduce((sum, receipt) => sum + (receipt.failures ?? 0), 0);
  return { ...(to === 'tokens' && { tokens }), ...(failures > 0 && { failures }) };
}

/** @returns `undefined` if there is none, or it is damaged. */
export function readManifest(path: string): ConversionManifest | undefined {
  return parseManifest(readText(path) ?? '');
}

/** @returns `undefined` if the text is not a manifest, or it is damaged. */
export function parseManifest(text: string): ConversionManifest | undefined {
  try {
    const manifest = parseCheckedJson<ConversionManifest>(text);
    return manifest.millrace === 'convert' ? manifest : undefined;
  } catch {
    return undefined;
  }
}

export function removeManifest(path: string): void {
  rmSync(path, { force: true });
}

/** Result of verifying the files of an output. */
export interface ChecksumReport {
  readonly files: number;
  /** Names of the files that differ from what was written. */
  readonly damaged: readonly string[];
}

/**
 * Compares the files of a conversion's output with the recorded checksums.
 *
 * @param output - The folder, or the prefix of the pair.
 * @returns `undefined` if the output has no manifest, because no conversion wrote it.
 * @throws {@link FormatError} if the manifest is damaged.
 */
export async function verifyConversion(output: string): Promise<ChecksumReport | undefined> {
  const prefix = output.replace(/\.(bin|idx)$/, '').replace(/(?<=.)\/+$/, '');
  for (const to of ['tokens', 'parquet'] as const) {
    const path = manifestPath(prefix, to);
    const manifest = readManifest(path);
    if (manifest) return checkFiles(dirname(path), manifest);
    if (readText(path) !== undefined) {
      throw new FormatError('The manifest of the conversion is damaged', {
        where: { file: path },
        next: 'The files cannot be compared with their checksums: copy the manifest again, or convert again.',
      });
    }
  }
  return undefined;
}

/** @param folder - The folder of the files. */
export async function checkFiles(
  folder: string,
  { files }: Pick<ConversionManifest, 'files'>,
): Promise<ChecksumReport> {
  const damaged: string[] = [];
  for (const file of files) if (!(await isIntact(folder, file))) damaged.push(file.name);
  return { files: files.length, damaged };
}
