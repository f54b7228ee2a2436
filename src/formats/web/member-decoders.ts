import type { Tensor } from '../../core/tensor.js';
import { decompressInMemory } from '../../storage/decompress.js';
import { MemorySource } from '../../storage/memory-source.js';
import { ArrayRows } from '../arrays/array-rows.js';
import { openNpyArray } from '../arrays/npy-array.js';
import { parseJson } from '../text/parse-json.js';
import { classEndings, numberEndings } from './whole-numbers.js';

/** Decodes the bytes of a member. */
export type MemberDecoder = (bytes: Uint8Array, maxDecompressedBytes: number) => unknown;

const text = new TextDecoder('utf-8', { fatal: true });

const asText: MemberDecoder = (bytes) => text.decode(bytes);

const asNumber: MemberDecoder = (bytes) => {
  const written = text.decode(bytes).trim();
  if (!/^[+-]?\d+$/.test(written)) throw new Error(`${JSON.stringify(written)} is not a whole number`);
  const number = Number(written);
  return Number.isSafeInteger(number) ? number : BigInt(written.replace('+', ''));
};

/** An `.npy` file as one tensor: the only row of an array with one more dimension. */
const asTensor: MemberDecoder = async (bytes, limit): Promise<Tensor> => {
  const source = new MemorySource(bytes);
  const array = await openNpyArray(source, limit);
  const rows = new ArrayRows('NpyDataset', new Map([['', { ...array, shape: [1, ...array.shape] }]]), '');
  return rows.row('', 0);
};

const textEndings = ['txt', 'text', 'transcript'] as const;

/** Decoders by the last part of the ending, as in the webdataset package. */
const decoders = new Map<string, MemberDecoder>([
  ...textEndings.map((ending) => [ending, asText] as const),
  ...[...classEndings, ...numberEndings].map((ending) => [ending, asNumber] as const),
  ['json', (bytes) => parseJson(text.decode(bytes))],
  ['npy', asTensor],
]);

/** Whether the files of an ending hold a text or a whole number, uncompressed. */
export function isTextOrWholeNumber(ending: string): boolean {
  const last = ending.slice(ending.lastIndexOf('.') + 1);
  return [...textEndings, ...classEndings, ...numberEndings].some((known) => known === last);
}

/**
 * Decodes a member by its ending; without a decoder, its bytes are copied. As in the webdataset package, a member whose ending
 * is `gz` is decompressed first, and then decoded by the rest of the ending.
 */
export function decodeMember(ending: string, bytes: Uint8Array, maxDecompressedBytes: number): unknown {
  const packed = /^(?:(.*)\.)?gz$/s.exec(ending);
  if (packed)
    return decompressInMemory(new MemorySource(bytes, ending), 'gzip', maxDecompressedBytes).then((content) =>
      decodeMember(packed[1] ?? '', content, maxDecompressedBytes),
    );
  const decode = decoders.get(ending.slice(ending.lastIndexOf('.') + 1));
  return decode ? decode(bytes, maxDecompressedBytes) : Uint8Array.from(bytes);
}
