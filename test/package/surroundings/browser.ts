// What the snippets of docs/browser.md take for granted: a training step, and a file that somebody has picked.
export const train = (_batch: unknown): void => {};
export const file: File = new File(['x,y\n1,2\n3,4\n'], 'rows.csv');
