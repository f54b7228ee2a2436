import { describe, expect, it } from 'vitest';
import { isLong } from '../setup/search-size.js';
import { runExample } from './run-example.js';

describe('examples/data-parallel', () => {
  it.each(isLong ? ['1', '2', '3'] : ['3'])(
    'learns the same model with %s processes as with one',
    async (processes) => {
      const said = await runExample('data-parallel', processes);
      expect(said).toMatch(/: the same model\.\n$/);
      const shares = [...said.matchAll(/^ +\d+ +(\d+)$/gm)].map(([, samples]) => Number(samples));
      expect(shares).toHaveLength(Number(processes));
      // Ten epochs of 1,797 digits, each seen by one of the processes.
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(17_970);
      expect(Number(/^ +10 +([\d.]+)/m.exec(said)?.[1])).toBeLessThan(0.3);
    },
  );

  it('rejects an invalid number of processes', async () => {
    await expect(runExample('data-parallel', 'many')).rejects.toThrow(/Pass the number of processes/);
  });
});
