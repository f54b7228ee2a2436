// Self-measurement of JavaScript contestants: see Run in ../measure.ts.

/** Iterates a loader, epoch after epoch, for some seconds after a warm-up, and prints the result. */
export async function measureFor(seconds, loader, amountOf, warmUpSeconds) {
  let amount = 0;
  let started = performance.now();
  let before;
  for (let done = false; !done; ) {
    for await (const batch of loader) {
      const now = performance.now();
      if (before !== undefined) {
        amount += amountOf(batch);
        done = now - started > seconds * 1_000;
        if (done) break;
      } else if (now - started >= warmUpSeconds * 1_000) {
        started = now;
        before = process.cpuUsage();
      }
    }
  }
  const elapsed = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(before);
  print(amount, elapsed, (user + system) / 1e6);
}

export function print(amount, seconds, cpuSeconds) {
  const peakMiB = process.resourceUsage().maxRSS / 1_024;
  console.log(JSON.stringify({ amount, seconds, cpuSeconds, peakMiB }));
}
