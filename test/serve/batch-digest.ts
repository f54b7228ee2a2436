import { createHash } from 'node:crypto';
import { isTensor } from '../../dist/core/tensor.js';

/** A digest of a batch: paths, dtypes, shapes and bytes. `python/batches.py` computes the same. */
export function digestOf(batch: unknown): string {
  const lines: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (isTensor(value)) {
      const { dtype, shape, data } = value;
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      lines.push(`${path} ${dtype} ${shape.join('x')} ${createHash('sha256').update(bytes).digest('hex')}`);
    } else if (value instanceof ArrayBuffer)
      lines.push(`${path} bytes ${Buffer.from(value).toString('hex')}`);
    else if (Array.isArray(value)) for (const [i, entry] of value.entries()) visit(entry, `${path}/${i}`);
    else if (typeof value === 'object' && value !== null)
      for (const [key, entry] of Object.entries(value)) visit(entry, `${path}/${key}`);
    else lines.push(`${path} ${JSON.stringify(value)}`);
  };
  visit(batch, '');
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex').slice(0, 16);
}
