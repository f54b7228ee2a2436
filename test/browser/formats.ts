import {
  ArrowDataset,
  CsvDataset,
  JsonlDataset,
  NpyDataset,
  ParquetDataset,
  SafetensorsDataset,
  TextDataset,
} from 'millrace/formats';

/** The formats that are read in a browser as in Node.js, by their names. */
export const formats = {
  ArrowDataset,
  CsvDataset,
  JsonlDataset,
  NpyDataset,
  ParquetDataset,
  SafetensorsDataset,
  TextDataset,
};
