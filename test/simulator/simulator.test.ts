// The scheduler itself, through thousands of made-up schedules. MILLRACE_SIMULATE=<seed> replays one of them.
import { describe, expect, it } from 'vitest';
import { searchSize } from '../setup/search-size.js';
import { type Outcome, simulate } from './simulate.js';

const given = process.env.MILLRACE_SIMULATE;
const schedules = searchSize({ short: 700, long: 10_000 });

async function simulateSeed(seed: number): Promise<Outcome> {
  try {
    return await simulate(seed);
  } catch (cause) {
    throw new Error(`Schedule ${seed} fails; MILLRACE_SIMULATE=${seed} replays it`, { cause });
  }
}

describe('the scheduler', () => {
  it.runIf(given !== undefined)('replays a schedule', async () => {
    const { trace } = await simulateSeed(Number(given));
    for (const line of trace) console.log(line);
  });

  it.runIf(given === undefined)(
    'loses and doubles nothing, and never hangs, whatever happens when',
    async () => {
      const first = Math.floor(Math.random() * 2 ** 31);
      let [kills, crashes, resizes, acknowledged, replaced, amended, weightChanges, dataChanges] = [
        0, 0, 0, 0, 0, 0, 0, 0,
      ];
      for (let k = 0; k < schedules; k++) {
        const outcome = await simulateSeed(first + k);
        kills += outcome.kills;
        crashes += outcome.crashes;
        resizes += outcome.resizes;
        acknowledged += outcome.acknowledged;
        replaced += outcome.replaced;
        amended += outcome.amended;
        weightChanges += outcome.weightChanges;
        dataChanges += outcome.dataChanges;
      }
      console.log(
        `${schedules} schedules from ${first}: ${kills} kills, ${crashes} crashes, ${resizes} resizes, ${acknowledged} leases, ${replaced} samples replaced, ${amended} amendments, ${weightChanges} of weights, ${dataChanges} of data`,
      );
      expect(
        Math.min(kills, crashes, resizes, acknowledged, replaced, amended, weightChanges, dataChanges),
      ).toBeGreaterThan(schedules / 40);
    },
  );

  it('does the same again for the same seed', async () => {
    for (let seed = 0; seed < 40; seed++) expect(await simulate(seed)).toEqual(await simulate(seed));
  });
});
