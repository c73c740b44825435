/** How long it took until the router's table was the directory's again: by kind of operation and way of following. */
import { type Mode, modes } from './asked.ts';

export class Times {
  readonly #byKind = new Map<string, Map<Mode, number[]>>();

  add(kind: string, times: ReadonlyMap<Mode, number>): void {
    const byMode = this.#byKind.get(kind) ?? new Map<Mode, number[]>();
    this.#byKind.set(kind, byMode);
    for (const [mode, ms] of times) byMode.set(mode, [...(byMode.get(mode) ?? []), ms]);
  }

  get kinds(): readonly string[] {
    return [...this.#byKind.keys()].toSorted();
  }

  /** Lines for people: median, 99th percentile and longest in milliseconds, for each way of following. */
  table(): readonly string[] {
    const head = ['operation', 'count', ...modes.map((mode) => `${mode} median/p99/longest ms`)];
    const rows = this.kinds.map((kind) => this.#row(kind, this.#byKind.get(kind)!));
    const all = new Map(
      modes.map((mode) => [mode, [...this.#byKind.values()].flatMap((byMode) => byMode.get(mode) ?? [])]),
    );
    return aligned([head, ...rows, this.#row('all', all)]);
  }

  #row(kind: string, byMode: ReadonlyMap<Mode, readonly number[]>): readonly string[] {
    const count = Math.max(0, ...[...byMode.values()].map(({ length }) => length));
    return [kind, String(count), ...modes.map((mode) => summary(byMode.get(mode) ?? []))];
  }
}

function summary(times: readonly number[]): string {
  if (times.length === 0) return '-';
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(0);
  return `${at(0.5)} / ${at(0.99)} / ${at(1)}`;
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
