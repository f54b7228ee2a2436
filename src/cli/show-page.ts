import { Option } from 'commander';

/** `--ui [port]`: the loaders of the command show themselves on the live page. */
export function uiOption(): Option {
  return new Option('--ui [port]', 'show the run on a live page of this machine');
}

/** Has the loaders of this process show themselves, where that is asked for. */
export function showPage(ui: string | true | undefined): void {
  if (ui !== undefined) process.env.MILLRACE_DASHBOARD = ui === true ? '1' : ui;
}
