import { peerRequire } from '../core/peer.js';

/** The part of koffi, an optional peer, that Millrace uses. */
export interface Koffi {
  load(path: string): NativeLibrary;
  struct(name: string, fields: Record<string, string>): unknown;
  /** The address of the first byte of an array. */
  address(array: Uint8Array): bigint;
}

export interface NativeLibrary {
  func(definition: string): (...values: unknown[]) => unknown;
}

/** Declares the calls of the first library that loads and has them; `null` if koffi or the library is missing. */
export function declareCalls<Calls>(
  paths: (require: NodeJS.Require) => readonly string[],
  declare: (library: NativeLibrary, koffi: Koffi) => Calls,
): Calls | null {
  const require = peerRequire();
  let koffi: Koffi;
  try {
    koffi = require('koffi');
  } catch {
    return null;
  }
  for (const path of paths(require)) {
    try {
      return declare(koffi.load(path), koffi);
    } catch {
      // Missing, or a version without this interface: try the next one.
    }
  }
  return null;
}
