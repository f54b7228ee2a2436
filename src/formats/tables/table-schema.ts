/** A column or nested field of a table, and how data files store it. Plain data. */
export interface TableField {
  readonly name: string;
  /** In the words of the table. */
  readonly type: string;
  /** What identifies it in a file, whatever it is called today: a field id or a name. */
  readonly stored: number | string;
  readonly nested?: NestedFields;
  /** The Parquet types that a file may store it in. @defaultValue any */
  readonly physical?: readonly string[];
  /** Whether values are 64-bit integers, of which older files may have 32. */
  readonly isLong?: boolean;
  /** The value in files that lack the field. @defaultValue `null` */
  readonly initial?: unknown;
}

/** The fields in a nested field. Elements and values are found by their place, so that nothing identifies them. */
export type NestedFields =
  | { readonly kind: 'struct'; readonly fields: readonly TableField[] }
  | { readonly kind: 'list'; readonly element: TableField }
  | { readonly kind: 'map'; readonly value: TableField };

/** The columns of a table, which its files store under other names or lack. Plain data. */
export interface TableSchema {
  readonly fields: readonly TableField[];
  /** Field ids of files that have none. */
  readonly names?: NameMapping;
}

/** Which field the columns of files without field ids are, by name. https://iceberg.apache.org/spec/#name-mapping-serialization */
export type NameMapping = readonly {
  readonly names: readonly string[];
  readonly 'field-id'?: number;
  readonly fields?: NameMapping;
}[];
