// Bundlers for browsers use this module in place of `gunzip.ts`.
import type { ByteSource } from './byte-source.js';

/** Decompresses gzip data of one member, chunk by chunk. @throws if the data is damaged, truncated, or has further members */
export async function* gunzip(source: ByteSource): AsyncGenerator<Uint8Array> {
  const input = source.stream()[Symbol.asyncIterator]();
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const { done, value } = await input.next();
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
    async cancel() {
      await input.return?.();
    },
  });
  const reader = packed.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
