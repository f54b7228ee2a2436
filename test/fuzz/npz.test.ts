import { fuzzTest } from './harness.js';

const fixtures = new URL('../fixtures/formats/', import.meta.url);
const corpus = ['arrays.npz', 'arrays-compressed.npz'].map((name) => new URL(name, fixtures));

fuzzTest('damaged npz files give a typed error or values', {
  reader: new URL('readers/npz.js', import.meta.url),
  corpus,
});

fuzzTest('verify notices what a CRC of an npz file covers', {
  reader: new URL('readers/npz-verified.js', import.meta.url),
  corpus,
  protects: (_file, offset, original) => isContent(original, offset),
});

/** Whether the bytes at an offset are content of an entry, which its CRC covers. */
function isContent(zip: Uint8Array, offset: number): boolean {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  const directory = view.getUint32(zip.length - 22 + 16, true);
  for (let at = directory; view.getUint32(at, true) === 0x02014b50; ) {
    const header = view.getUint32(at + 42, true);
    const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
    if (offset >= start && offset < start + view.getUint32(at + 20, true)) return true;
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return false;
}
