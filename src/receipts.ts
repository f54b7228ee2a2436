// The entry point `millrace/receipts`: what a loader delivered, as a digest, and how to verify it.
export type { Receipt } from './loader/state/receipt.js';
export { verifyReceipt } from './loader/verify-receipt.js';
