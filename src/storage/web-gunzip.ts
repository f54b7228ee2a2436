// Bundlers for browsers put this in the place of `gunzip.ts`.
import type { ByteSource } from './byte-source.js';

/** What gzip data of one part holds, piece by piece. @throws where it is damaged or cut short, or has further parts */
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
