// What bundlers for browsers put in the place of `datasets/register-typescript`: what a page imports is compiled.
export async function registerTypeScript(): Promise<void> {}
