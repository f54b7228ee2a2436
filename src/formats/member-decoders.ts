import type { Tensor } from '../core/tensor.js';
import { MemorySource } from '../storage/memory-source.js';
import { ArrayRows } from './array-rows.js';
import { readNpyHeader } from './npy-header.js';
import { parseJson } from './parse-json.js';

/** Makes a value of the bytes of a member. */
export type MemberDecoder = (bytes: Uint8Array) => unknown;

const text = new TextDecoder('utf-8', { fatal: true });

const asText: MemberDecoder = (bytes) => text.decode(bytes);

const asNumber: MemberDecoder = (bytes) => {
  const written = text.decode(bytes).trim();
  if (!/^[+-]?\d+$/.test(written)) throw new Error(`${JSON.stringify(written)} is not a whole number`);
  const number = Number(written);
  return Number.isSafeInteger(number) ? number : BigInt(written.replace('+', ''));
};

/** An `.npy` file as one tensor: its rows are one row of an array with a row more. */
const asTensor: MemberDecoder = async (bytes): Promise<Tensor> => {
  const source = new MemorySource(bytes);
  const array = await readNpyHeader(source);
  return new ArrayRows('NpyDataset', new Map([['', { ...array, shape: [1, ...array.shape] }]])).row('', 0);
};

/** By the last part of the ending, as the webdataset package decodes what has a basic type. */
const decoders = new Map<string, MemberDecoder>([
  ...['txt', 'text', 'transcript'].map((ending) => [ending, asText] as const),
  ...['cls', 'cls2', 'class', 'count', 'index', 'inx', 'id'].map((ending) => [ending, asNumber] as const),
  ['json', (bytes) => parseJson(text.decode(bytes))],
  ['npy', asTensor],
]);

/** Decodes a member by its ending; what has no decoder stays bytes, in memory of its own. */
export function decodeMember(ending: string, bytes: Uint8Array): unknown {
  const decode = decoders.get(ending.slice(ending.lastIndexOf('.') + 1));
  return decode ? decode(bytes) : Uint8Array.from(bytes);
}
