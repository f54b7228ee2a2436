// Whole jobs beside what people run for them: all of j1, j2 … that exist. `chat` is J4, `serve` is J6.
import { readdirSync } from 'node:fs';
import type { Report } from './measure.js';

export const title = 'Jobs';
export const unit = 'samples/s; see the title of each job';

export default async function run(): Promise<Report> {
  const jobs = readdirSync(new URL('.', import.meta.url))
    .filter((file) => /^j\d+\.bench\.ts$/.test(file))
    .sort();
  const reports: Report[] = [];
  for (const job of jobs) {
    const { default: start } = (await import(`./${job}`)) as { default: () => Report | Promise<Report> };
    reports.push(await start());
  }
  return {
    results: reports.flatMap(({ results }) => results),
    goals: reports.flatMap(({ goals }) => goals),
  };
}
