import {
  ArrowDataset,
  CsvDataset,
  JsonlDataset,
  NpyDataset,
  ParquetDataset,
  SafetensorsDataset,
  TextDataset,
} from 'millrace/formats';

/** The formats that a browser reads like Node.js, by name. */
export const formats = {
  ArrowDataset,
  CsvDataset,
  JsonlDataset,
  NpyDataset,
  ParquetDataset,
  SafetensorsDataset,
  TextDataset,
};
