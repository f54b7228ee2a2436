// What bundlers for browsers put in the place of `node:timers/promises`.
const startTimer = setTimeout;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    startTimer(resolve, ms);
  });
}

export { sleep as setTimeout };
