import { ConfigError } from '../core/errors.js';
import type { Mt19937 } from './mt19937.js';

// Layout of torch.Generator.get_state(), little-endian:
//   0 seed u64 | 8 left i32 | 12 seeded i32 | 16 next u64 | 24 624 words, each u64 | 5016 cached normals, 40 bytes
// `next` is the number of words drawn from the block; `left` is 625 - next, or 1 before the first block.
const byteLength = 5056;
const wordsOffset = 24;
const normalsOffset = 5016;
const wordCount = 624;

/** The parts of a torch generator's state outside its engine. */
export interface TorchStateRest {
  readonly seed: bigint;
  /** Cached normal draws. Millrace neither makes nor uses them; they are written back unchanged. */
  readonly normals: Uint8Array;
}

/** The cached normals of a generator that has drawn no normals. */
export const noNormals = new Uint8Array(byteLength - normalsOffset);

/** Writes the state as PyTorch does. */
export function writeTorchState(engine: Mt19937, { seed, normals }: TorchStateRest): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  const view = new DataView(bytes.buffer);
  const { position, words } = engine;
  view.setBigUint64(0, seed, true);
  view.setInt32(8, position === 0 ? 1 : wordCount + 1 - position, true);
  view.setInt32(12, 1, true);
  view.setUint32(16, position, true);
  for (let i = 0; i < wordCount; i++) view.setUint32(wordsOffset + 8 * i, words[i]!, true);
  bytes.set(normals, normalsOffset);
  return bytes;
}

/**
 * Restores an engine from a state that PyTorch wrote.
 *
 * @throws {@link ConfigError} if the bytes are not such a state; the engine is then unchanged.
 */
export function readTorchState(engine: Mt19937, bytes: Uint8Array): TorchStateRest {
  if (bytes.byteLength !== byteLength)
    throw notAState(`has ${bytes.byteLength} bytes instead of ${byteLength}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, byteLength);
  const left = view.getInt32(8, true);
  const position = Number(view.getBigUint64(16, true));
  if (view.getInt32(12, true) !== 1) throw notAState('has never been seeded');
  if (position > wordCount || left !== (position === 0 ? 1 : wordCount + 1 - position)) {
    throw notAState(`is inconsistent: left is ${left} and next is ${position}`);
  }
  for (let i = 0; i < wordCount; i++) engine.words[i] = view.getUint32(wordsOffset + 8 * i, true);
  engine.position = position;
  return { seed: view.getBigUint64(0, true), normals: bytes.slice(normalsOffset) };
}

function notAState(message: string): ConfigError {
  return new ConfigError('TorchGenerator.setState', [{ field: 'state', message }], {
    next: 'Pass the bytes of torch.Generator.get_state() on a CPU, or of TorchGenerator.getState().',
  });
}
