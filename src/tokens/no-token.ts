import type { DType } from '../core/dtype.js';
import { CollateError } from '../core/errors.js';

/**
 * The error for a token id that a dtype cannot represent.
 *
 * @param where - The document or sample, and the position in it.
 */
export function noToken(
  token: number | bigint,
  where: Readonly<Record<string, number>>,
  dtype: DType = 'int32',
): CollateError {
  return new CollateError(`The token ${token} is not a number that ${dtype} can hold`, {
    where: { ...where, dtype },
    next: 'Token ids are whole numbers of 0 or more. Check what made this one, or choose a wider dtype where there is a choice.',
  });
}
