import { WebDataset } from 'millrace/formats';

export default (path) => WebDataset.open(path);
