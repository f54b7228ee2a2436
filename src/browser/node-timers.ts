// What bundlers for browsers put in the place of `node:timers/promises`.
const startTimer = setTimeout;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    startTimer(resolve, ms);
  });
}

/** The next turn of the event loop. */
function turn(): Promise<void> {
  return sleep(0);
}

export { sleep as setTimeout, turn as setImmediate };
