/** The module `@jax-js/jax`. */
export type Jax = typeof import('@jax-js/jax');

/** A jax-js array. Passing it to a function consumes it; pass `.ref` to keep it. */
export type JaxArray = import('@jax-js/jax').numpy.Array;

/** Loads jax-js and initializes its WebAssembly backend. */
export async function loadJax(): Promise<Jax> {
  // jax-js reads navigator when it compiles kernels; Node.js 20 does not define it.
  if (!('navigator' in globalThis)) {
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Node' }, configurable: true });
  }
  const jax = await import('@jax-js/jax');
  await jax.init('wasm');
  jax.defaultDevice('wasm');
  return jax;
}
