/** An error that the user can fix. `main.ts` prints its message without a stack. */
export class UserError extends Error {
  override readonly name = 'UserError';
}
