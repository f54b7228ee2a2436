// The environment of the snippets in docs/browser.md: a training step, and a file that the user picked.
export const train = (_batch: unknown): void => {};
export const file: File = new File(['x,y\n1,2\n3,4\n'], 'rows.csv');
