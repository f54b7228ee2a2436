import { importPeer } from '../../core/peer.js';

/** The module `@jax-js/jax`. */
export type Jax = typeof import('@jax-js/jax');

/** An array of jax-js. It is moved into the function that takes it; `.ref` keeps it. */
export type JaxArray = import('@jax-js/jax').numpy.Array;

/**
 * Loads jax-js and starts its WebAssembly backend.
 *
 * @throws {@link MissingPeerError} when the package is not installed.
 */
export async function loadJax(): Promise<Jax> {
  // jax-js reads navigator when it makes kernels; Node 20 has none.
  if (!('navigator' in globalThis)) {
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Node' }, configurable: true });
  }
  const jax = await importPeer<Jax>('@jax-js/jax', 'millrace demo');
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  return jax;
}
