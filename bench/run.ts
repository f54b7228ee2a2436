// `npm run bench -- <name>`: runs one workload. Without a name it lists them.
import { readdirSync } from 'node:fs';

const names = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length));
const [name, ...rest] = process.argv.slice(2);

if (name === undefined || !names.includes(name) || rest.length > 0) {
  console.error(`Workloads: ${names.join(', ')}\nRun one: npm run bench -- ${names[0]}`);
  process.exitCode = 2;
} else {
  const { default: run } = (await import(`./${name}.bench.ts`)) as { default: () => Promise<void> };
  await run();
}
