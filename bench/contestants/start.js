// node start.js <arguments …>: the time of a Node.js process with these arguments, from its start to its end.
import { spawnSync } from 'node:child_process';

const args = process.argv.slice(2);
const amount = 5;

/** @returns what the process writes to its fourth file */
function start(...options) {
  const stdio = ['ignore', 'ignore', 'inherit', 'pipe'];
  const { status, error, output } = spawnSync(process.execPath, [...options, ...args], { stdio });
  if (error ?? status !== 0) throw error ?? new Error(`Status ${status}: ${args.join(' ')}`);
  return String(output[3]);
}

const began = performance.now();
for (let run = 0; run < amount; run++) start();
const seconds = (performance.now() - began) / 1_000;

// Once more, because this takes time itself.
const atExit = `
  import { writeSync } from 'node:fs';
  process.on('exit', () => writeSync(3, JSON.stringify([process.cpuUsage(), process.resourceUsage().maxRSS])));
`;
const [{ user, system }, peakKiB] = JSON.parse(
  start('--import', `data:text/javascript,${encodeURIComponent(atExit)}`),
);
const cpuSeconds = (amount * (user + system)) / 1e6;
console.log(JSON.stringify({ amount, seconds, cpuSeconds, peakMiB: peakKiB / 1_024 }));
