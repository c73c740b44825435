/** The result of reading one setting that an operator wrote: its value, or what is wrong with it. */

export type ParseResult<T> =
  | { readonly value: T; readonly problem?: undefined }
  /** A sentence part for people, fit to follow the setting's name: `"10.1.2.0/33" has a prefix longer than 32 bits`. */
  | { readonly value?: undefined; readonly problem: string };
