// How a contestant in JavaScript measures itself: see Run in ../measure.ts.

/** Does work for a while after a warm-up, and prints what it came to. `work` is an async iterable that says amounts. */
export async function measureFor(seconds, work, warmUpSeconds) {
  let amount = 0;
  let started = performance.now();
  let before;
  for await (const done of work) {
    const now = performance.now();
    if (before === undefined) {
      if (now - started < warmUpSeconds * 1_000) continue;
      started = now;
      before = process.cpuUsage();
      continue;
    }
    amount += done;
    if (now - started > seconds * 1_000) break;
  }
  const elapsed = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(before);
  print(amount, elapsed, (user + system) / 1e6);
}

export function print(amount, seconds, cpuSeconds) {
  const peakMiB = process.resourceUsage().maxRSS / 1_024;
  console.log(JSON.stringify({ amount, seconds, cpuSeconds, peakMiB }));
}

/** Repeats a loader for ever. */
export async function* endless(loader, amountOf) {
  for (;;) for await (const batch of loader) yield amountOf(batch);
}
