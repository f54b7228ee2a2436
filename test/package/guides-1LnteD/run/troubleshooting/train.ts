// train.ts
import { ArrayDataset, DataLoader, MillraceError } from 'millrace';

try {
  new DataLoader(new ArrayDataset([1, 2, 3]), JSON.parse('{ "batchsize": 2 }'));
} catch (error) {
  if (!(error instanceof MillraceError)) throw error;
  console.log(error.code);
  console.log(error.message);
}
