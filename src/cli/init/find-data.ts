import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { splitOf } from '../../formats/find/split-of.js';
import { type FormatName, formatOfEnding } from '../../formats/format-table.js';
import { holdsClassFolders } from '../../formats/images/image-names.js';

/** A data set found in a folder. */
export interface FoundData {
  /** A file, folder, pattern, or prefix of indexed tokens, relative to the folder. */
  readonly name: string;
  readonly format: FormatName;
  readonly files: number;
  readonly byteLength: number;
}

/** Data and configurations of a folder. */
export interface FoundFiles {
  /** Largest first; plain text last, because it has to be tokenized first. */
  readonly data: readonly FoundData[];
  /** DeepSpeed configurations. */
  readonly deepspeed: readonly string[];
}

/** Depth of the search, and folders it skips. */
const deepest = 3;
const skipped = /^(\..*|node_modules|dist|build|coverage)$/;

/** Finds data and DeepSpeed configurations in a folder by their names. */
export function findFiles(root: string): FoundFiles {
  const data: FoundData[] = [];
  const deepspeed: string[] = [];
  const look = (folder: string, depth: number): void => {
    const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !skipped.test(name));
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    if (depth > 0 && holdsClassFolders(folder)) {
      data.push(wholeFolder(root, folder, 'images'));
      return;
    }
    if (files.includes('index.json') && files.some((name) => name.includes('.mds'))) {
      data.push(wholeFolder(root, folder, 'mds'));
      return;
    }
    data.push(...ofOneFolder(root, folder, files));
    deepspeed.push(
      ...files
        .filter((name) => isDeepSpeed(join(folder, name)))
        .map((name) => relative(root, join(folder, name))),
    );
    if (depth === deepest) return;
    for (const entry of entries) if (entry.isDirectory()) look(join(folder, entry.name), depth + 1);
  };
  look(root, 0);
  data.sort(
    (a, b) => Number(a.format === 'text') - Number(b.format === 'text') || b.byteLength - a.byteLength,
  );
  return { data, deepspeed };
}

function wholeFolder(root: string, folder: string, format: FormatName): FoundData {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const sizes = files
    .map((file) => statSync(file))
    .filter((stat) => stat.isFile())
    .map(({ size }) => size);
  return { name: relative(root, folder), format, files: sizes.length, byteLength: sum(sizes) };
}

/** Groups files by extension and split into data sets. Each .bin/.idx pair is a separate data set. */
function ofOneFolder(root: string, folder: string, files: readonly string[]): FoundData[] {
  const groups = new Map<string, string[]>();
  for (const name of files) {
    const format = formatOfEnding(name)?.name;
    // Notes beside the data are not data.
    if (!format || name.endsWith('.md') || name.endsWith('.bin')) continue;
    if (format === 'json' && !startsWithArray(join(folder, name))) continue;
    if (format === 'indexed' && !files.includes(name.replace(/idx$/, 'bin'))) continue;
    const ending = /\.[^.]+(\.(gz|zst))?$/.exec(name)?.[0] ?? name;
    const key = format === 'indexed' ? name : `${splitOf(name) ?? ''} ${ending}`;
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return Array.from(groups, ([key, names]) => {
    const format = formatOfEnding(names[0]!)!.name;
    const all = format === 'indexed' ? [key, key.replace(/idx$/, 'bin')] : names;
    const path = format === 'indexed' ? key.replace(/\.idx$/, '') : patternOf(names, files);
    return {
      name: relative(root, join(folder, path)),
      format,
      files: all.length,
      byteLength: sum(all.map((name) => statSync(join(folder, name)).size)),
    };
  });
}

/** A path or pattern that matches exactly these files. */
function patternOf(names: readonly string[], all: readonly string[]): string {
  const [first = ''] = names;
  if (names.length === 1) return first;
  const ending = /\.[^.]+(\.(gz|zst))?$/.exec(first)?.[0] ?? '';
  const others = all.filter((name) => name.endsWith(ending) && !names.includes(name));
  if (others.length === 0) return `*${ending}`;
  let start = first.slice(0, -ending.length);
  while (!names.every((name) => name.startsWith(start))) start = start.slice(0, -1);
  return others.some((name) => name.startsWith(start)) ? `{${names.join(',')}}` : `${start}*${ending}`;
}

/** Whether a JSON file holds rows. One that is an object is a configuration more often than data. */
function startsWithArray(file: string): boolean {
  const head = Buffer.alloc(64);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return head.toString('utf8').replace('\uFEFF', '').trimStart().startsWith('[');
}

function isDeepSpeed(file: string): boolean {
  if (!file.endsWith('.json') || statSync(file).size > 1_000_000) return false;
  return /"(train_batch_size|train_micro_batch_size_per_gpu)"/.test(readFileSync(file, 'utf8'));
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}
