// So that the types stand in projects whose own library has no disposables yet.
/// <reference lib="esnext.disposable" preserve="true" />

/** Makes a batch of framework tensors disposable: `using` frees them at the end of the block. */
export function disposableBatch<Batch>(batch: Batch, dispose: () => void): Batch & Disposable {
  if (Symbol.dispose && typeof batch === 'object' && batch !== null && Object.isExtensible(batch))
    Object.defineProperty(batch, Symbol.dispose, { value: dispose, configurable: true });
  return batch as Batch & Disposable;
}
