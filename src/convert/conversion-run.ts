import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { StorageError } from '../core/errors.js';
import { shownLocation } from '../core/shown-location.js';
import type { PartReceipt, WrittenFile } from '../parts/part-receipt.js';
import { ProgressCount } from '../parts/progress-count.js';
import { shareParts } from '../parts/share-parts.js';
import { WorkFolder } from '../parts/work-folder.js';
import {
  type ConversionPlan,
  jobOf,
  outputOf,
  type ResolvedConversion,
  tokenStorage,
} from './conversion-plan.js';
import { type ConversionProgress, defaultWorkers } from './convert-options.js';
import {
  type ConversionManifest,
  type ConversionTarget,
  checkFiles,
  manifestPath,
  readManifest,
  totalsOf,
  writeManifest,
} from './manifest.js';
import { checkFailures } from './map/failure-budget.js';
import type { PartWriter } from './part.js';
import type { PreparedConversion } from './prepared-conversion.js';
import { replaceFolder, replacePair } from './publish.js';
import { mergeTokenParts } from './token-parts.js';

/** Output of a conversion. */
export interface ConversionOutcome {
  readonly output: string;
  readonly to: ConversionTarget;
  readonly samples: number;
  /** Present for a conversion to tokens. */
  readonly tokens?: number;
  /** Samples of a map whose function failed, and whose row holds the error. */
  readonly failures?: number;
  readonly files: readonly WrittenFile[];
  /** Number of samples that an earlier run of the same conversion had finished. */
  readonly continued: number;
  /** Whether an earlier run had completed the output, so that nothing was left to do. */
  readonly wasDone: boolean;
}

/** Writes the missing parts of a plan, then renames the output to its final name. */
export class ConversionRun {
  readonly #plan: ConversionPlan;
  readonly #inputs: readonly string[];
  readonly #options: ResolvedConversion;
  readonly #output: string;
  readonly #job: string;
  readonly #progress: ProgressCount<ConversionProgress['phase']>;

  constructor({ plan, files, inputs, options, job }: PreparedConversion) {
    this.#plan = plan;
    this.#inputs = inputs;
    this.#options = options;
    this.#progress = new ProgressCount(plan.samples, options.onProgress);
    this.#output = outputOf(options);
    this.#job = job ?? jobOf(plan, files, options);
  }

  async run(): Promise<ConversionOutcome> {
    const { to, overwrite } = this.#options;
    const known = await this.#finished();
    if (known) {
      WorkFolder.tidy(`${this.#output}.converting`, this.#job);
      return this.#outcome(known, known.samples, true);
    }
    const manifest = readManifest(manifestPath(this.#output, to));
    const work = `${this.#output}.converting`;
    const isOwn = manifest?.job === this.#job || WorkFolder.wasPublishing(work, this.#job);
    if (!overwrite && !isOwn && this.#isTaken()) throw this.#taken();
    const folder = WorkFolder.open(work, this.#job, overwrite);
    try {
      const whole = await folder.wholeParts();
      const continued = [...whole.values()].reduce((sum, { samples }) => sum + samples, 0);
      const receipts = await this.#write(folder, whole);
      checkFailures(receipts, this.#options.map?.limits.maxFailures);
      const made =
        to === 'tokens' ? await this.#publishTokens(folder, receipts) : this.#publishShards(folder, receipts);
      return this.#outcome(made, continued, false);
    } catch (error) {
      folder.release();
      throw error;
    }
  }

  /** The manifest of this conversion, if it is complete and its files have the recorded checksums. */
  async #finished(): Promise<ConversionManifest | undefined> {
    const path = manifestPath(this.#output, this.#options.to);
    const manifest = readManifest(path);
    if (manifest?.job !== this.#job) return undefined;
    const { damaged } = await checkFiles(dirname(path), manifest);
    return damaged.length === 0 ? manifest : undefined;
  }

  #isTaken(): boolean {
    if (this.#options.to !== 'tokens') return existsSync(this.#output);
    return existsSync(`${this.#output}.bin`) || existsSync(`${this.#output}.idx`);
  }

  #taken(): StorageError {
    return new StorageError('The output exists already and has other content', {
      where: { output: this.#output },
      next: 'Choose another output, or pass overwrite: true (--overwrite) to replace it.',
    });
  }

  /** Writes the missing parts. */
  async #write(folder: WorkFolder, whole: ReadonlyMap<number, PartReceipt>): Promise<PartReceipt[]> {
    const onProgress = this.#progress.in('converting');
    for (const receipt of whole.values()) onProgress(receipt);
    const missing = this.#plan.parts.filter(({ number }) => !whole.has(number));
    const { numWorkers = defaultWorkers(this.#options) } = this.#options;
    const writers = await this.#writers(Math.min(numWorkers, missing.length), folder);
    try {
      const receipts = [...whole.values()];
      await shareParts(writers, missing, 'finish', async (writer, part) => {
        const receipt = await writer.write(part, folder.parts, onProgress);
        folder.accept(receipt);
        receipts.push(receipt);
      });
      return receipts.sort((a, b) => a.number - b.number);
    } finally {
      for (const writer of writers) if (writer !== this.#plan.writer) await writer.close();
    }
  }

  async #writers(threads: number, { parts }: WorkFolder): Promise<PartWriter[]> {
    if (threads === 0) return Array.from({ length: this.#plan.lanes ?? 1 }, () => this.#plan.writer);
    const { ConvertWorker } = await import('./workers/convert-worker.js');
    const writer = this.#plan.setup();
    return Array.from({ length: threads }, (_, id) => new ConvertWorker({ writer, folder: parts }, id));
  }

  /** Merges the parts into a temporary file pair, then renames it, the index last. */
  async #publishTokens(folder: WorkFolder, receipts: readonly PartReceipt[]): Promise<ConversionManifest> {
    const name = basename(this.#output);
    const written = await mergeTokenParts(
      join(folder.path, 'merged'),
      folder.parts,
      receipts,
      tokenStorage(this.#options),
      this.#progress.restart('merging'),
    );
    const files = written.map((file) => ({ ...file, name: file.name.replace('merged', name) }));
    const manifest = this.#manifest(receipts, files);
    writeManifest(join(folder.path, 'merged.json'), manifest);
    folder.beginPublishing(this.#job);
    replacePair(folder.path, this.#output);
    folder.remove();
    return manifest;
  }

  /** Renames the folder of the parts to the output. */
  #publishShards(folder: WorkFolder, receipts: readonly PartReceipt[]): ConversionManifest {
    const { to } = this.#options;
    const manifest = this.#manifest(
      receipts,
      receipts.flatMap(({ files }) => files),
    );
    writeManifest(manifestPath(folder.parts, to), manifest);
    folder.beginPublishing(this.#job);
    replaceFolder(folder.parts, this.#output);
    folder.remove();
    return manifest;
  }

  #manifest(receipts: readonly PartReceipt[], files: readonly WrittenFile[]): ConversionManifest {
    const { to } = this.#options;
    return {
      millrace: 'convert',
      version: 1,
      to,
      job: this.#job,
      inputs: this.#inputs.map(shownLocation),
      samples: this.#plan.samples,
      ...totalsOf(to, receipts),
      files,
    };
  }

  #outcome(
    { to, samples, tokens, failures, files }: ConversionManifest,
    continued: number,
    wasDone: boolean,
  ): ConversionOutcome {
    return {
      output: this.#output,
      to,
      samples,
      ...(tokens !== undefined && { tokens }),
      ...(failures !== undefined && { failures }),
      files,
      continued,
      wasDone,
    };
  }
}
