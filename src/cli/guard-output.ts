/**
 * Exits if the output cannot be written: silently if the reader has closed the pipe (`millrace … | head -1`), with one line for
 * other errors, such as a full disk.
 */
export function guardOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit();
    process.stderr.write(`error: Cannot write to standard output: ${message}\n`);
    process.exit(1);
  });
  // An error on standard error cannot be reported anywhere.
  process.stderr.on('error', () => {});
}
