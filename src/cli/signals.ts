/** What the process is told from outside, and its last resort. */
export interface Signals {
  /** Listens from now on. Each resolves with the reason when the process is asked to end: in good order, then at once. */
  stopOrders(): { readonly first: Promise<string>; readonly second: Promise<string> };
  /** Calls `run` whenever the process is asked to read its files again. */
  onReload(run: () => void): void;
  /** Calls `report` for whatever nobody caught, in place of ending the process. */
  onBug(report: (error: unknown) => void): void;
  /** Ends the process whatever its threads do: exit waits for one that writes, for ever where nobody reads. */
  kill(): void;
}
