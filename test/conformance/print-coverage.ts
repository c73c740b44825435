/**
 * Prints what of which RFC is covered, section by section, as the Markdown table of docs/conformance.md:
 * `npm run coverage`. Sources: the titles of the conformance tests, and `partly.ts` for what no check can show.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Limit, limits } from './partly.ts';

interface Listed {
  readonly name: string;
}

/** One row of the table: a section, and the checks that name it. */
interface Section {
  readonly rfc: string;
  readonly section: string;
  readonly ids: Set<string>;
}

const root = join(import.meta.dirname, '../..');

function titles(): string[] {
  const list = ['list', '--json', '--no-static-parse', '--config', '.config/vitest.config.ts', 'test/conformance'];
  const vitest = join(root, 'node_modules/.bin/vitest');
  const listed = JSON.parse(execFileSync(vitest, list, { cwd: root, encoding: 'utf8' })) as Listed[];
  return listed.map(({ name }) => name.slice(name.indexOf(' > ') + 3));
}

/** `VIA-1 (RFC 3261 §16.6(8), 18.1.1; 3581 §4, MUST): ...` gives its id and `3261 §16.6`, `3261 §18.1.1`, `3581 §4`. */
function sectionsOf(title: string): { id: string; sections: string[] } | undefined {
  const match = /^(\S+) \(RFC (.+), (?:MUST|SHOULD|MAY)\): /.exec(title);
  if (!match) return undefined;
  const [, id, places] = match as unknown as [string, string, string];
  const sections = places.split(';').flatMap((place) => {
    const [rfc = '', list = ''] = place.trim().split(' §');
    const numbers = list.replace(/\([^)]*\)/g, '').split(',');
    return numbers.map((number) => `${rfc} §${number.trim()}`);
  });
  return { id, sections };
}

const byNumber = (a: Section, b: Section): number =>
  Number(a.rfc) - Number(b.rfc) || a.section.localeCompare(b.section, 'en', { numeric: true });

function coverage(): Section[] {
  const sections = new Map<string, Section>();
  for (const title of titles()) {
    const found = sectionsOf(title);
    for (const place of found?.sections ?? []) {
      const [rfc = '', section = ''] = place.split(' §');
      const row = sections.get(place) ?? { rfc, section, ids: new Set<string>() };
      sections.set(place, row);
      row.ids.add(found!.id);
    }
  }
  return [...sections.values()].sort(byNumber);
}

const limited = (rfc: string, verdict: Limit['verdict']): string =>
  limits
    .filter((limit) => limit.rfc === rfc && limit.verdict === verdict)
    .map(({ section, why }) => `§${section}: ${why}`)
    .join('; ');

const isLimited = ({ rfc, section }: Section): boolean =>
  limits.some((limit) => limit.rfc === rfc && limit.section === section);

/** In brackets behind a section: how many checks there are. */
const covered = (sections: readonly Section[]): string =>
  sections
    .filter((section) => !isLimited(section))
    .map(({ section, ids }) => `${section} (${ids.size})`)
    .join(', ');

const sections = coverage();
const rfcs = [...new Set([...sections, ...limits].map(({ rfc }) => rfc))]
  .filter((rfc) => /^\d+$/.test(rfc))
  .sort((a, b) => Number(a) - Number(b));

console.log('| RFC | yes (checks) | partly | no |\n| --- | --- | --- | --- |');
for (const rfc of rfcs) {
  const own = sections.filter((section) => section.rfc === rfc);
  console.log(`| ${rfc} | ${covered(own)} | ${limited(rfc, 'partly')} | ${limited(rfc, 'no')} |`);
}
