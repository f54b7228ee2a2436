// `npm run bench -- <name> [--json]` runs a workload. Without a name, lists all.
import { readdirSync } from 'node:fs';
import { type Measure, machine, printGoals, printTable, type Report } from './measure.js';

interface Workload {
  readonly title: string;
  readonly unit: string;
  readonly measure?: Measure;
  readonly default: () => Report | Promise<Report>;
}

const names = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length));
const json = process.argv.includes('--json');
const [name, ...rest] = process.argv.slice(2).filter((argument) => argument !== '--json');

if (name === undefined || !names.includes(name) || rest.length > 0) {
  console.error(`Workloads: ${names.join(', ')}\nRun one: npm run bench -- ${names[0]} [--json]`);
  process.exitCode = 2;
} else {
  const workload = (await import(`./${name}.bench.ts`)) as Workload;
  const { results, goals } = await workload.default();
  if (json) console.log(JSON.stringify({ workload: name, machine: machine(), results, goals }));
  else {
    const facts = Object.entries(machine()).map(([key, value]) => `${key} ${value}`);
    console.log(facts.join(', '));
    printTable(workload.title, workload.unit, results, workload.measure);
    printGoals(goals);
  }
}
