import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pLimit from 'p-limit';
import { StorageError } from '../../core/errors.js';
import { checksumOf } from '../../parts/checksum.js';
import { type PartReceipt, partName } from '../../parts/part-receipt.js';
import type { OnPartProgress } from '../../parts/progress-count.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { readObject } from '../../storage/object-store.js';
import {
  type ConversionManifest,
  manifestPath,
  manifestText,
  parseManifest,
  totalsOf,
  writeManifest,
} from '../manifest.js';
import { checkFailures } from '../map/failure-budget.js';
import { replaceFolder, replacePair } from '../publish.js';
import { mergeTokenParts } from '../token-parts.js';
import { parentOf, type StoredConversion, type StoredParts } from './stored-parts.js';

/** Number of objects of a bucket read at once. */
const readTogether = 16;

/** The manifest of a finished conversion, if it is of this job and its files have the recorded sizes. */
export async function finishedConversion(
  output: string,
  job: string,
): Promise<ConversionManifest | undefined> {
  const { store, name } = await parentOf(output);
  for (const to of ['parquet', 'tokens'] as const) {
    const bytes = await readObject(store, manifestPath(name, to));
    const manifest = bytes && parseManifest(new TextDecoder().decode(bytes));
    if (manifest?.job !== job) continue;
    const folder = dirname(manifestPath(name, to));
    const limit = pLimit(readTogether);
    const sizes = manifest.files.map((file) => limit(() => sizeOf(store, join(folder, file.name))));
    const isWhole = (await Promise.all(sizes)).every((size, k) => size === manifest.files[k]!.byteLength);
    if (isWhole) return manifest;
  }
  return undefined;
}

async function sizeOf(store: ObjectStore, name: string): Promise<number | undefined> {
  const source = await store.open(name);
  source?.close();
  return source?.byteLength;
}

/**
 * Joins the whole parts to the output and removes the work folder. If it is interrupted, it can be done again.
 *
 * @throws {@link StorageError} if a part is missing or damaged; {@link SampleError} if more samples failed than the
 *   conversion allows.
 */
export async function publishStored(parts: StoredParts, onProgress: OnPartProgress): Promise<void> {
  const { conversion } = parts;
  const receipts: PartReceipt[] = [];
  for (let number = 0; number < conversion.parts; number++) {
    const receipt = await parts.wholePart(number);
    if (!receipt) throw missingPart(parts, number);
    receipts.push(receipt);
  }
  checkFailures(receipts, conversion.maxFailures);
  if (conversion.to === 'tokens') await publishPair(parts, receipts, onProgress);
  else await publishShards(parts, receipts);
  await parts.target.remove(`${parts.name}.converting/`);
}

async function publishShards(
  { conversion, work, target, name }: StoredParts,
  receipts: readonly PartReceipt[],
) {
  const manifest = manifestOf(
    conversion,
    receipts,
    receipts.flatMap(({ files }) => files),
  );
  if (work.folder === undefined) {
    await target.put(manifestPath(name, conversion.to), new TextEncoder().encode(manifestText(manifest)));
    return;
  }
  const folder = join(work.folder, 'parts');
  const own = new Set(manifest.files.map((file) => file.name));
  // Files of workers that were killed.
  for (const each of readdirSync(folder)) if (!own.has(each)) rmSync(join(folder, each), { force: true });
  writeManifest(manifestPath(folder, conversion.to), manifest);
  replaceFolder(folder, conversion.output);
}

async function publishPair(
  parts: StoredParts,
  receipts: readonly PartReceipt[],
  onProgress: OnPartProgress,
): Promise<void> {
  const { conversion, target, name } = parts;
  const scratch = parts.scratchFolder();
  try {
    const folder = parts.work.folder ? join(parts.work.folder, 'parts') : scratch;
    const written = await mergeTokenParts(
      join(scratch, 'merged'),
      folder,
      receipts,
      conversion.tokens!,
      onProgress,
      (receipt) => fetchPart(parts, receipt, folder),
    );
    const files = written.map((file) => ({ ...file, name: file.name.replace('merged', name) }));
    const manifest = manifestOf(conversion, receipts, files);
    const noted = join(scratch, 'merged.json');
    writeFileSync(noted, manifestText(manifest));
    if (target.folder !== undefined) replacePair(scratch, conversion.output);
    else await uploadPair(target, name, scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The manifest is removed first and written last, so that no manifest describes other data. */
async function uploadPair(target: ObjectStore, name: string, folder: string): Promise<void> {
  const manifest = manifestPath(name, 'tokens');
  for (const old of [manifest, `${name}.idx`]) await target.remove(old);
  for (const ending of ['.bin', '.idx'])
    await target.putFile(`${name}${ending}`, join(folder, `merged${ending}`));
  await target.putFile(manifest, join(folder, 'merged.json'));
}

/** Copies a part of a bucket to this machine. Returns how to remove it. */
async function fetchPart(parts: StoredParts, receipt: PartReceipt, folder: string): Promise<() => void> {
  if (parts.work.folder !== undefined) return () => {};
  for (const file of receipt.files) {
    const [store, name] = parts.placeOf(file.name);
    const bytes = await readObject(store, name);
    const path = join(folder, file.name);
    if (bytes) writeFileSync(path, bytes);
    if (!bytes || (await checksumOf(path)) !== file.sha256) throw missingPart(parts, receipt.number);
  }
  return () => {
    for (const { name } of receipt.files) rmSync(join(folder, name), { force: true });
  };
}

function manifestOf(
  { to, job, inputs, samples }: StoredConversion,
  receipts: readonly PartReceipt[],
  files: ConversionManifest['files'],
): ConversionManifest {
  return { millrace: 'convert', version: 1, to, job, inputs, samples, ...totalsOf(to, receipts), files };
}

function missingPart({ work }: StoredParts, number: number): StorageError {
  return new StorageError('A part of the conversion is missing or damaged', {
    where: { store: work.name, part: partName(number) },
    next: 'Run the conversion again: whole parts are kept.',
  });
}
