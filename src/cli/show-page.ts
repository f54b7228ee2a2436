import { Option } from 'commander';

/** The flag `--ui [port]`, which opens the live page. */
export function uiOption(): Option {
  return new Option('--ui [port]', 'serve the live page of the run on this machine');
}

/** Turns on the live page for the loaders of this process if `--ui` is given. */
export function showPage(ui: string | true | undefined): void {
  if (ui !== undefined) process.env.MILLRACE_DASHBOARD = ui === true ? '1' : ui;
}
