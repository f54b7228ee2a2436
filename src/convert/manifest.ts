import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkedJson, parseCheckedJson } from '../core/checked-json.js';
import { FormatError } from '../core/errors.js';
import { isIntact } from '../parts/checksum.js';
import type { WrittenFile } from '../parts/part-receipt.js';
import { readText, writeText } from '../parts/work-folder.js';

/** What a conversion can write. */
export const conversionTargets = ['tokens', 'webdataset', 'parquet'] as const;

export type ConversionTarget = (typeof conversionTargets)[number];

/** What stands beside the output of a conversion: what it was made of, and the checksums of its files. */
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
  readonly files: readonly WrittenFile[];
}

/** Where the manifest of an output is: in its folder, under a name that readers of whole folders pass over, or beside its pair of files. */
export function manifestPath(output: string, to: ConversionTarget): string {
  return to === 'tokens' ? `${output}.convert.json` : join(output, '_convert.json');
}

export function writeManifest(path: string, manifest: ConversionManifest): void {
  writeText(path, `${checkedJson(manifest, 2)}\n`);
}

/** @returns `undefined` when there is none, or it is damaged */
export function readManifest(path: string): ConversionManifest | undefined {
  try {
    const manifest = parseCheckedJson(readText(path) ?? '') as Partial<ConversionManifest>;
    return manifest.millrace === 'convert' ? (manifest as ConversionManifest) : undefined;
  } catch {
    return undefined;
  }
}

export function removeManifest(path: string): void {
  rmSync(path, { force: true });
}

/** What checking the files of an output found. */
export interface ChecksumReport {
  readonly files: number;
  /** Those that are not what was written. */
  readonly damaged: readonly string[];
}

/**
 * Compares the files of a conversion's output with the checksums that it noted.
 *
 * @param output - The folder, or the prefix of the pair.
 * @returns `undefined` when the output has no manifest: it was not made by a conversion
 * @throws {@link FormatError} when the manifest is damaged
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

/** @param folder - Where the files lie. */
export async function checkFiles(
  folder: string,
  { files }: Pick<ConversionManifest, 'files'>,
): Promise<ChecksumReport> {
  const damaged: string[] = [];
  for (const file of files) if (!(await isIntact(folder, file))) damaged.push(file.name);
  return { files: files.length, damaged };
}
