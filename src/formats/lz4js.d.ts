declare module 'lz4js' {
  const lz4: {
    /** @returns the place in `target` behind what was written */
    decompressBlock(
      source: Uint8Array,
      target: Uint8Array,
      sourceStart: number,
      sourceBytes: number,
      targetStart: number,
    ): number;
  };
  export default lz4;
}

declare module 'lz4js/xxh32.js' {
  const xxh32: { hash(seed: number, bytes: Uint8Array, start: number, byteLength: number): number };
  export default xxh32;
}
