// The browser replacement for `datasets/register-typescript`: modules in a page are already compiled.
export async function registerTypeScript(): Promise<void> {}
