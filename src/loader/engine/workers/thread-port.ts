/** The part of a message port that Node.js and browsers have in common. */
export interface ThreadPort {
  onmessage: ((event: { readonly data: never }) => void) | null;
  onmessageerror: (() => void) | null;
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void;
  addEventListener(type: 'close', listener: () => void): void;
  close(): void;
  /** Node.js: it no longer keeps the process alive. */
  unref?(): void;
}
