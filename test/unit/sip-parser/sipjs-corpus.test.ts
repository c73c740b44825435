import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { npmSip, type Untyped } from '../../support/npm-sip.ts';
import { ask, rowFor, sipjs, unlisted } from './sipjs-compare.ts';
import { differences } from './sipjs-differences.ts';

interface Sample {
  readonly name: string;
  readonly octets: Buffer;
}

const corpus = new URL('../../torture/corpus/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('MANIFEST.json', corpus), 'utf8')) as {
  messages: { name: string; file: string }[];
};
const samples: readonly Sample[] = manifest.messages.map(({ name, file }) => ({
  name,
  octets: readFileSync(new URL(file, corpus)),
}));

/** What our parse makes of the corpus: the functions that take a message are asked about these. */
const messages: readonly Untyped[] = samples
  .map(({ octets }) => sipjs.parse(octets))
  .filter((message) => message !== undefined);

/** Whatever looks like a URI, in headers and bodies. */
const uris = [
  ...new Set(samples.flatMap(({ octets }) => octets.toString('latin1').match(/[a-z][a-z0-9+.-]*:[^\s<>"]+/gi) ?? [])),
];

const parsed = samples.map(({ name, octets }) => ({ name, octets, found: ask((sip) => sip.parse(octets)) }));
const readUris = uris.map((uri) => ({ uri, found: ask((sip) => sip.parseUri(uri)) }));
const written = messages.map((message) => ask((sip) => sip.stringify(structuredClone(message)).split('\r\n')));
const copied = messages.map((message) => ask((sip) => sip.copyMessage(message)));
const addresses = samples
  .flatMap(({ octets }) => octets.toString('latin1').match(/(?<=^(?:From|To): *)[^\r ].*(?=\r$)/gm) ?? [])
  .map((s) => ask((sip) => sip.parseAOR({ s, i: 0 })));

describe('over every message of the corpus, npm sip 0.0.6 and ours differ only as the table says', () => {
  it('there is a corpus', () => {
    expect([samples.length, uris.length]).toEqual([746, 288]);
    expect(messages.length).toBe(744);
  });

  it('parse', () => {
    expect(parsed.flatMap(({ name, found }) => unlisted(found).map((difference) => `${name} ${difference}`))).toEqual(
      [],
    );
  });

  it('stringify of one message', () => {
    expect(written.flatMap(unlisted)).toEqual([]);
  });

  it('stringify of what each itself has parsed, where the parsers differ in nothing that is written', () => {
    const alike = parsed.filter(
      ({ octets, found }) => npmSip.parse(octets) && found.every(({ path }) => /\/port$|^\/problems$/.test(path)),
    );
    const found = alike.flatMap(({ octets }) => ask((sip) => sip.stringify(sip.parse(octets)).split('\r\n')));
    expect(unlisted(found)).toEqual([]);
    expect(alike.length).toBeGreaterThan(samples.length - 13);
  });

  it('makeResponse', () => {
    const extension = { headers: { 'retry-after': '5' }, content: 'soon' };
    const requests = messages.filter(({ method }) => method !== undefined);
    const found = requests.flatMap((request) => [
      ...ask((sip) => sip.makeResponse(request, 200)),
      ...ask((sip) => sip.makeResponse(request, 503, 'Try again', extension)),
    ]);
    expect(unlisted(found)).toEqual([]);
  });

  it('copyMessage, shallow and deep', () => {
    expect(copied.flatMap(unlisted)).toEqual([]);
    expect(messages.flatMap((message) => unlisted(ask((sip) => sip.copyMessage(message, true))))).toEqual([]);
  });

  it('parseUri, and stringifyUri of what it gives', () => {
    expect(readUris.flatMap(({ uri, found }) => unlisted(found).map((difference) => `${uri} ${difference}`))).toEqual(
      [],
    );
    const readable = uris.filter((uri) => npmSip.parseUri(uri) !== undefined);
    expect(readable.flatMap((uri) => unlisted(ask((sip) => sip.stringifyUri(sip.parseUri(uri)))))).toEqual([]);
  });

  it('parseAOR of what stands behind From and To', () => {
    expect(addresses.flatMap(unlisted)).toEqual([]);
    expect(addresses.length).toBeGreaterThan(samples.length);
  });

  it('every row that covers a difference of the corpus is needed for it', () => {
    const found = [...parsed, ...readUris].flatMap((one) => one.found);
    const used = new Set([...found, ...written.flat(), ...copied.flat(), ...addresses.flat()].map(rowFor));
    expect(differences.filter((row) => row.covers !== undefined && !used.has(row)).map(({ name }) => name)).toEqual([]);
  });
});
