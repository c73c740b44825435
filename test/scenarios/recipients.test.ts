/**
 * Who is meant is who is judged, and what is judged is what is delivered: spellings of a Request-URI, each with the key that
 * pins, block and directory are asked with, what the far side gets, and the verdict.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { uriFacts } from '../../src/proxy/request-facts.ts';
import { parseSipUri } from '../../src/sip-parser/index.ts';
import { newBranch, newTag, requestText, responseText } from '../support/raw-message.ts';
import { openEnd, type RawEnd, type Received } from '../support/raw-sip.ts';
import { RouterProcess } from '../support/router-process.ts';
import { ldifUser, routesYaml, twoSides } from '../support/two-sides.ts';
import { until } from '../support/until.ts';

const sides = twoSides(117);
const { router: own, cisco, microsoft, microsoft2 } = sides;

/** `leaves`: the Request-URI that the far side gets; undefined: nothing is sent, and `code` says why. */
interface Row {
  readonly uri: string;
  readonly key: string;
  readonly leaves?: string;
  readonly status: number;
  readonly code: string;
  readonly headers?: readonly string[];
}

const passes = (uri: string, key: string, leaves = uri): Row => ({
  uri,
  key,
  leaves,
  status: 200,
  code: 'directory-home',
});
const refused = (uri: string, key: string, code: string, status = 404): Row => ({ uri, key, status, code });
const pinned = (uri: string): Row => refused(uri, 'ceo@tcp.example.com', 'home-is-the-sender');
const bob = 'bob@tcp.example.com';

/** bob, ken, finn and müller are at home on Microsoft, ceo is pinned to Cisco, from where all of this comes. */
const rows: readonly Row[] = [
  // Case, escapes and what belongs to no name.
  passes('sip:bob@tcp.example.com', bob),
  passes('sip:BOB@TCP.Example.COM', bob),
  passes('sip:b%6Fb@tcp.example.com', bob),
  passes('sip:bob:secret@tcp.example.com', bob),
  passes('sip:bob@tcp.example.com:5070;transport=udp', bob),
  passes('sip:bob@tcp.example.com;opaque=user:epid:x;gruu', bob),
  pinned('sip:Ceo@tcp.example.com'),
  pinned('sip:c%65o@tcp.example.com'),
  pinned('sip:ceo:secret@tcp.example.com'),
  pinned('sip:ceo@tcp.example.com:5070'),
  // The final dot of a host (RFC 1034 §3.1).
  passes('sip:bob@tcp.example.com.', bob),
  pinned('sip:ceo@TCP.example.com.'),
  refused('sip:bob@tcp.example.com..', 'bob@tcp.example.com.', 'foreign-domain-no-route'),
  // Parameters in the user part: some deliver to whoever stands before them.
  passes('sip:bob;x=1@tcp.example.com', bob),
  pinned('sip:ceo;x=1@tcp.example.com'),
  pinned('sip:ceo%3Bx=1@tcp.example.com'),
  // Characters that look, sort or store alike (RFC 4518).
  passes('sip:m%C3%BCller@tcp.example.com', 'müller@tcp.example.com'),
  passes('sip:mu%CC%88ller@tcp.example.com', 'müller@tcp.example.com'),
  passes('sip:%E2%84%AAen@tcp.example.com', 'ken@tcp.example.com'),
  passes('sip:%EF%AC%81nn@tcp.example.com', 'finn@tcp.example.com'),
  pinned('sip:%EF%BD%83eo@tcp.example.com'),
  pinned('sip:ce%C2%ADo@tcp.example.com'),
  pinned('sip:ce%E2%80%8Bo@tcp.example.com'),
  pinned('sip:ceo%20@tcp.example.com'),
  pinned('sip:ceo%C2%A0@tcp.example.com'),
  // What every server reads in its own way.
  refused('sip:ceo%00@tcp.example.com', 'ceo%00@tcp.example.com', 'user-ambiguous'),
  refused('sip:ceo%0D%0Ax@tcp.example.com', 'ceo%0d%0ax@tcp.example.com', 'user-ambiguous'),
  refused('sip:%C1%A3eo@tcp.example.com', '%c1%a3eo@tcp.example.com', 'user-ambiguous'),
  refused('sip:ce%C2%9Bo@tcp.example.com', 'ce%c2%9bo@tcp.example.com', 'user-ambiguous'),
  // Other users: what is escaped ends no user part, and what is decoded once is not decoded again.
  refused('sip:ceo%40tcp.example.com@tcp.example.com', 'ceo%40tcp.example.com@tcp.example.com', 'directory-unknown'),
  refused('sip:%2563eo@tcp.example.com', '%2563eo@tcp.example.com', 'directory-unknown'),
  // maddr (RFC 3261 §16.4): ours is taken away when it has led here, any other is refused.
  passes(`sip:bob@tcp.example.com;maddr=${own}`, bob, 'sip:bob@tcp.example.com'),
  passes(`sip:bob@tcp.example.com;maddr=${own};transport=tcp`, bob, 'sip:bob@tcp.example.com'),
  passes(`sip:bob@tcp.example.com:5060;x=1;maddr=${own};y=2`, bob, 'sip:bob@tcp.example.com;x=1;y=2'),
  passes('sip:bob@tcp.example.com;MADDR=Router.Example.Com.', bob, 'sip:bob@tcp.example.com'),
  passes('sip:bob@tcp.example.com;%6Daddr=router.example.com', bob, 'sip:bob@tcp.example.com'),
  passes('sip:bob@tcp.example.com;maddr=example.net', bob, 'sip:bob@tcp.example.com'),
  passes(
    `sip:bob;maddr=${microsoft2}@tcp.example.com;maddr=${own}`,
    bob,
    `sip:bob;maddr=${microsoft2}@tcp.example.com`,
  ),
  pinned(`sip:ceo@tcp.example.com;maddr=${own}`),
  pinned('sip:ceo@tcp.example.com;maddr=example.net'),
  refused(`sip:bob@tcp.example.com;maddr=${own};transport=udp`, bob, 'maddr-elsewhere', 403),
  refused(`sip:bob@tcp.example.com:5070;maddr=${own}`, bob, 'maddr-elsewhere', 403),
  refused(`sip:bob@tcp.example.com;maddr=${microsoft}`, bob, 'maddr-elsewhere', 403),
  refused('sip:bob@tcp.example.com;maddr=', bob, 'maddr-elsewhere', 403),
  refused('sip:ceo@tcp.example.com;maddr=sub.partner.test', 'ceo@tcp.example.com', 'maddr-elsewhere', 403),
  refused('sip:x@secret.partner.test;maddr=SUB.partner.test', 'x@secret.partner.test', 'maddr-elsewhere', 403),
  // A block holds for the host as it stands, in any spelling.
  refused('sip:x@SECRET.partner.test.', 'x@secret.partner.test', 'route-blocked', 403),
  refused('sip:bob@example.net;maddr=tcp.example.com', 'bob@example.net', 'directory-unknown'),
  // A Route outside of a dialog chooses the hop, and a strict router's would take the recipient's place.
  { ...pinned('sip:ceo@tcp.example.com'), headers: [`Route: <sip:${microsoft}:5060;transport=tcp;lr>`] },
  {
    ...refused('sip:bob@tcp.example.com', bob, 'target-not-a-peer', 403),
    headers: [`Route: <sip:${cisco}:5060;transport=tcp;lr>`],
  },
  {
    ...refused('sip:bob@tcp.example.com', bob, 'route-without-lr', 403),
    headers: [`Route: <sip:ceo@tcp.example.com;maddr=${microsoft};transport=tcp>`],
  },
  { ...passes('sip:bob@tcp.example.com', bob), headers: [`Route: <sip:Router.Example.com.:5060;lr>`] },
  { ...passes('sip:bob@tcp.example.com', bob), headers: [`Route: <sip:${microsoft}:5060;transport=tcp;lr>`] },
];

describe('a recipient', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pif-recipients-'));
  const ends: RawEnd[] = [];
  let router: RouterProcess;
  let asker: RawEnd;
  const arrived: Received[] = [];

  beforeAll(async () => {
    const users = join(folder, 'users.ldif');
    writeFileSync(
      users,
      `version: 1\n\n${['bob', 'ken', 'finn'].map((user) => ldifUser(`${user}@tcp.example.com`, true)).join('')}` +
        `dn: CN=mueller,OU=People,DC=example,DC=com\nobjectClass: user\nmsRTCSIP-PrimaryUserAddress:: ${Buffer.from(
          'sip:müller@tcp.example.com',
        ).toString('base64')}\nmsRTCSIP-UserEnabled: TRUE\n`,
    );
    const usual = routesYaml(sides, {
      mode: 'advanced',
      users,
      certificates: inject('certificates'),
      domains: ['example.net'],
      routes: [
        `{ to: microsoft, pattern: example.net, next-hop: ${microsoft}, block: true }`,
        `{ to: microsoft, pattern: secret.partner.test, next-hop: ${microsoft}, block: true }`,
        `{ to: microsoft, pattern: "*.partner.test", next-hop: ${microsoft} }`,
      ],
    });
    const pins = 'pins:\n  - { user: sip:ceo@tcp.example.com, side: cisco }\n';
    router = await RouterProcess.start({ routes: `${usual}${pins}stop: { drain: 500ms }\n` });
    const hop = await openEnd({ transport: 'tcp', address: microsoft, port: 5060 });
    hop.respond((request) => {
      arrived.push(request);
      return responseText(request, 200);
    });
    asker = await openEnd({ transport: 'tcp', address: cisco, to: { address: own, port: 5060 } });
    ends.push(hop, asker);
  });
  afterAll(async () => {
    await router?.stop();
    for (const end of ends) await end.close();
    rmSync(folder, { recursive: true });
  });

  test.each(rows)('$uri: $status $code', async ({ uri, key, leaves, status, code, headers = [] }) => {
    expect(uriFacts(parseSipUri(uri)!).key).toBe(key);
    const callId = newTag();
    const via = [`${asker.via};branch=${newBranch()}`];
    asker.send(requestText({ method: 'MESSAGE', uri, via, callId, headers }));
    const answer = await asker.take(({ text }) => text.includes(callId));
    expect(answer.status).toBe(status);
    const record = await until(() =>
      router.logLines.find(({ event, id }) => event === 'request' && String(id).startsWith(callId)),
    );
    expect((record.because as string[]).map((reason) => reason.split(':')[0])).toContain(code);
    const sent = arrived.filter(({ text }) => text.includes(callId));
    expect(sent.map(({ requestUri }) => requestUri)).toEqual(leaves === undefined ? [] : [leaves]);
  });
});
