/** Whether threads can share memory: always in Node.js; in a browser, if the page is cross-origin isolated. */
export const hasSharedMemory = typeof SharedArrayBuffer !== 'undefined';

/** Zeroed memory that threads share, or memory of this thread if sharing is impossible. */
export function sharedBuffer(bytes: number): ArrayBufferLike {
  return hasSharedMemory ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
}
