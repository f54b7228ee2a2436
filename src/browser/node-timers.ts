// The browser replacement for `node:timers/promises`.
const startTimer = setTimeout;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    startTimer(resolve, ms);
  });
}

/** Resolves at the next turn of the event loop. */
function turn(): Promise<void> {
  return sleep(0);
}

export { sleep as setTimeout, turn as setImmediate };
