// cspell:ignore smaps
// node tree-peak.js <command …>: runs a contestant and puts the peak memory of its whole process tree into its result. A page that
// several processes share counts once (Linux: proportional set size). Elsewhere, the contestant's own figure stays.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const everyMs = 200;
const [program, ...args] = process.argv.slice(2);
const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });

let output = '';
child.stdout.on('data', (chunk) => {
  output += chunk;
});
let peakKiB = 0;
const timer = setInterval(() => {
  peakKiB = Math.max(peakKiB, treeKiB(child.pid));
}, everyMs);
child.on('close', (code) => {
  clearInterval(timer);
  process.exitCode = code ?? 1;
  if (code !== 0) return;
  const run = JSON.parse(output.trim().split('\n').at(-1));
  console.log(JSON.stringify({ ...run, peakMiB: peakKiB > 0 ? peakKiB / 1_024 : run.peakMiB }));
});

function treeKiB(root) {
  const children = new Map();
  for (const name of processes()) {
    const parent = parentOf(name);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  let sum = 0;
  for (const queue = [root]; queue.length > 0; ) {
    const pid = queue.pop();
    sum += kiBOf(pid);
    queue.push(...(children.get(pid) ?? []));
  }
  return sum;
}

function processes() {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** 0 if the process has ended meanwhile. */
function parentOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
  } catch {
    return 0;
  }
}

function kiBOf(pid) {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
