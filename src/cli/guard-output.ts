/**
 * Ends the command where its output cannot be written: quietly when the reader has closed the pipe (`millrace … | head -1`), with one line
 * when the disk is full.
 */
export function guardOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit();
    process.stderr.write(`error: Cannot write to standard output: ${message}\n`);
    process.exit(1);
  });
  // There is nowhere to say that this one failed.
  process.stderr.on('error', () => {});
}
