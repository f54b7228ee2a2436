import { describe, it } from 'vitest';

/** Every defect that has tests, by the name it has in docs/parity.md. */
export const testedDefects = new Set<string>();

/**
 * One defect of the original: what Millrace does by default, and with `parity: true`.
 *
 * @param name - Its row in docs/parity.md.
 */
export function defect(
  name: string,
  sides: { readonly byDefault: () => unknown; readonly withParity: () => unknown },
): void {
  testedDefects.add(name);
  describe(name, () => {
    it('is right by default', async () => {
      await sides.byDefault();
    });
    it('is as in the original with parity', async () => {
      await sides.withParity();
    });
  });
}
