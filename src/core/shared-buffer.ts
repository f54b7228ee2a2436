/** Whether threads can share memory here: always in Node.js, in a browser where the page is cross-origin isolated. */
export const hasSharedMemory = typeof SharedArrayBuffer !== 'undefined';

/** Zeroed memory that threads share; memory of this thread alone where there is none to share. */
export function sharedBuffer(bytes: number): ArrayBufferLike {
  return hasSharedMemory ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
}
