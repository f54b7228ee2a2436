import { imageWorkspace } from '../image-workspace.js';

/** The bytes of an image, and its share of a mixture. */
export interface MixedPart {
  readonly data: Uint8Array;
  readonly weight: number;
}

/** Mixes images of one size, one after another, in float32. */
export function mixLevels(parts: readonly MixedPart[]): Uint8Array {
  const workspace = imageWorkspace();
  const { length } = parts[0]!.data;
  const { kernels } = workspace;
  if (!kernels) return mixPlainly(parts);
  const { functions } = kernels;
  const sums = workspace.bytes('mixed', 4 * length).byteOffset;
  parts.forEach(({ data, weight }, k) => {
    const source = workspace.place('planar source', data);
    const scale = Math.fround(weight);
    if (k === 0) functions.scaleLevels(source, length, scale, sums);
    else functions.addScaled(source, length, scale, sums);
  });
  const levels = workspace.bytes('planar result', length);
  functions.truncateLevels(sums, length, levels.byteOffset);
  const mixed = new Uint8Array(length);
  mixed.set(levels);
  return mixed;
}

function mixPlainly(parts: readonly MixedPart[]): Uint8Array {
  const mixed = new Float32Array(parts[0]!.data.length);
  for (const { data, weight } of parts) {
    const scale = Math.fround(weight);
    for (let i = 0; i < mixed.length; i++) mixed[i]! += scale * data[i]!;
  }
  // The weights may add up to a little more than one.
  return Uint8Array.from(mixed, (value) => Math.min(255, value));
}
