/** Metrics as text, in the exposition format of Prometheus (version 0.0.4). Pure. */
import { printable } from '../printable.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** Times are in seconds since 1970. */
  readonly value: number;
}

export interface Family {
  /** With its unit as its last word: `pif_router_certificate_expiry_timestamp_seconds`. */
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
  readonly samples: readonly Sample[];
}

export const expositionType = 'text/plain; version=0.0.4; charset=utf-8';

export const exposition = (families: readonly Family[]): string =>
  families
    .flatMap(({ name, help, type, samples }) => [
      `# HELP ${name} ${escapeHelp(help)}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}`),
    ])
    .map((line) => `${line}\n`)
    .join('');

function labelText(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

/** The format can escape line feeds only. Other invisible characters are written as text: some readers end a line at CR, too. */
const escapeLabel = (text: string): string =>
  escapeHelp(text.split('\n').map(printable).join('\n')).replaceAll('"', '\\"');
