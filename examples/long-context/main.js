// Long sequences over several processes: node examples/long-context/main.js
//
// Four processes train with dp 2 × cp 2: two halves of each global batch, and two slices of every sequence. All are killed in mid-run
// and continue as dp 1 × cp 4. One process then runs alone, with whole sequences. The global batches of both runs must be the same.
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTokens } from './tokens.js';

const steps = 12;
const killedAfter = 5;

const folder = mkdtempSync(join(tmpdir(), 'long-context-'));
try {
  writeTokens(join(folder, 'tokens'));
  const checkpoint = join(folder, 'checkpoint.json');
  const together = [
    ...(await train({ dp: 2, cp: 2, checkpoint, until: killedAfter, kill: true })),
    ...(await train({ dp: 1, cp: 4, checkpoint, until: steps })),
  ];
  const alone = await train({ dp: 1, cp: 1, checkpoint: join(folder, 'alone.json'), until: steps });

  console.log('step  sequences  layout       global batch');
  for (const { step, layout, sequences } of together)
    console.log(
      `${String(step).padStart(4)}  ${String(sequences.length).padStart(9)}  ${layout}  ${digest(sequences)}`,
    );
  const isSame =
    together.length === steps &&
    together.every(
      ({ step, sequences }, k) => step === k && digest(sequences) === digest(alone[k].sequences),
    );
  console.log(
    `\nKilled after step ${killedAfter - 1}: ${isSame ? 'the same' : 'NOT the same'} global batches as alone.`,
  );
  process.exitCode = isSame ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

/**
 * Runs the processes of a layout, step by step, until `until` steps were taken since the run began.
 *
 * @returns each global batch, joined from what the processes had of it
 */
async function train({ dp, cp, checkpoint, until, kill = false }) {
  const children = Array.from({ length: dp * cp }, (_, rank) => {
    const env = {
      ...process.env,
      RANK: rank,
      WORLD_SIZE: dp * cp,
      LOCAL_RANK: rank,
      LOCAL_WORLD_SIZE: dp * cp,
      MILLRACE_CP: cp,
      TOKENS: join(folder, 'tokens'),
      CHECKPOINT: checkpoint,
    };
    return fork(new URL('./train.js', import.meta.url), { env });
  });
  try {
    const taken = [];
    await Promise.all(children.map(nextMessage));
    for (;;) {
      for (const child of children) child.send('next');
      // A step ends when all have taken it, as with gradients that are summed.
      const parts = await Promise.all(children.map(nextMessage));
      const { step } = parts[0];
      taken.push({ step, layout: `dp ${dp} × cp ${cp}`, sequences: joined(parts, { dp, cp }) });
      if (step + 1 === until) return taken;
    }
  } finally {
    for (const child of children) child.kill(kill ? 'SIGKILL' : 'SIGTERM');
  }
}

function nextMessage(child, rank) {
  return new Promise((resolve, reject) => {
    const exited = (code, signal) => reject(new Error(`Process ${rank} exited early (${signal ?? code}).`));
    child.once('exit', exited);
    child.once('message', (message) => {
      child.off('exit', exited);
      resolve(message);
    });
  });
}

/** The sequences of a global batch: those of each data-parallel rank in turn, each from its zigzag slices. */
function joined(parts, { dp, cp }) {
  return Array.from({ length: dp }, (_, data) => {
    const slices = Array.from({ length: cp }, (_, context) =>
      parts.find((part) => part.data === data && part.context === context),
    );
    return slices[0].sequences.map((_, k) => joinedSequence(slices.map(({ sequences }) => sequences[k])));
  }).flat();
}

/** Context-parallel rank r has part r and part 2 · cp - 1 - r of a sequence. */
function joinedSequence(slices) {
  const half = slices[0].length / 2;
  return [
    ...slices.flatMap((slice) => slice.slice(0, half)),
    ...slices.toReversed().flatMap((slice) => slice.slice(half)),
  ];
}

function digest(sequences) {
  return createHash('sha256').update(JSON.stringify(sequences)).digest('hex').slice(0, 16);
}
