import { FileSource } from '../../storage/file-source.js';

/** A file that something else is closed with: the database or table that reads it. */
export class OwningSource extends FileSource {
  onClose: (() => void) | undefined;

  override close(): void {
    super.close();
    this.onClose?.();
    this.onClose = undefined;
  }
}
