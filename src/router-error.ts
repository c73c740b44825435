/** The root of all errors that the product throws on purpose: at start-up and on reload, never for what happens in normal life. */
export class RouterError extends Error {
  /** Stable like an API: for log searches and exit messages. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}
