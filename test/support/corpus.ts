/** The messages of `test/torture/corpus` with their verdicts, read as octets. */
import { readFileSync } from 'node:fs';

interface Verdict {
  /** What a parser must do: take it, answer it with one of `reject_codes`, discard it, or as it likes. */
  readonly parser: 'accept' | 'reject' | 'drop' | 'either';
  readonly reject_codes: readonly number[];
}

interface CorpusEntry {
  readonly name: string;
  readonly file: string;
  readonly source: string;
  readonly section: string;
  readonly title: string;
  readonly verdict: Verdict;
}

export interface CorpusMessage extends CorpusEntry {
  /** One latin1 char per octet. */
  readonly text: string;
}

const CORPUS = new URL('../torture/corpus/', import.meta.url);

export function readCorpus(): readonly CorpusMessage[] {
  const manifest = JSON.parse(readFileSync(new URL('MANIFEST.json', CORPUS), 'utf8')) as {
    readonly messages: readonly CorpusEntry[];
  };
  return manifest.messages.map((entry) => ({ ...entry, text: readFileSync(new URL(entry.file, CORPUS), 'latin1') }));
}
