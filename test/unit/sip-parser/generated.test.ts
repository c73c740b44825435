import { SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkRequest, Edit, parseMessage, type SipRequest } from '../../../src/sip-parser/index.ts';

/** A spelling and what it stands for. */
interface Spelled<T> {
  readonly text: string;
  readonly value: T;
}

const token = fc.stringMatching(/^[a-zA-Z0-9\-.!%*_+`'~]{1,12}$/);
const number = (max: number) => fc.nat(max).map((value) => ({ text: String(value), value }));
const lws = fc.constantFrom('', ' ', '\t', '  ', '\r\n ', ' \r\n\t');
const lwsNeeded = fc.constantFrom(' ', '\t', '\r\n ', ' \r\n  ');
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/);

/** Letters in any case stand for the same name. */
function anyCase(text: string): fc.Arbitrary<string> {
  return fc.array(fc.boolean(), { minLength: text.length, maxLength: text.length }).map((flags) => {
    return [...text].map((char, i) => (flags[i] ? char.toUpperCase() : char.toLowerCase())).join('');
  });
}

/** As the platform writes it: RFC 5952. */
const canonicalIpv6 = (address: string): string => {
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  return plain.startsWith('::ffff:') ? new SocketAddress({ address, family: 'ipv6' }).address : plain;
};

const ipv6 = fc.ipV6().map((value) => ({ text: `[${value}]`, value: canonicalIpv6(value) }));
const hostName = fc
  .array(label, { minLength: 1, maxLength: 3 })
  .map((labels) => `${labels.join('.')}.example.com`)
  .chain((name) => anyCase(name).map((text) => ({ text, value: name })));
const host: fc.Arbitrary<Spelled<string>> = fc.oneof(
  hostName,
  ipv6,
  fc.ipV4().map((value) => ({ text: value, value })),
);

const quoted = fc.array(fc.constantFrom('a', 'B', ' ', ',', ';', '<', '>', '@', '\\"', '\\\\', '\xc3\xbc'), {
  maxLength: 10,
});
const quotedString = quoted.map((parts) => `"${parts.join('')}"`);

interface ViaValue {
  readonly transport: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly branch: string;
  readonly rport: string | undefined;
}

const sentBy = fc.tuple(host, fc.option(number(65_535), { nil: undefined }));
const viaValue: fc.Arbitrary<Spelled<ViaValue>> = fc
  .record({
    sentBy,
    transport: fc.constantFrom('UDP', 'tcp', 'TLS', 'X-NEW'),
    branch: token,
    rport: fc.constantFrom(undefined, '', '5060'),
    spaces: fc.array(lws, { minLength: 8, maxLength: 8 }),
    gap: lwsNeeded,
    other: fc.oneof(quotedString, token),
  })
  .map(({ sentBy: [name, port], transport, branch, rport, spaces: [a, b, c, d, e, f, g, h], gap, other }) => {
    const protocol = `SIP${a}/${b}2.0${c}/${d}${transport}`;
    const address = name.text + (port === undefined ? '' : `${e}:${f}${port.text}`);
    const rportText = rport === undefined ? '' : `;rport${rport === '' ? '' : `=${rport}`}`;
    const text = `${protocol}${gap}${address}${g};${h}branch${e}=${f}${branch}${rportText};x-other=${other}`;
    return { text, value: { transport, host: name.value, port: port?.value, branch, rport } };
  });

interface AddressValue {
  readonly uri: string;
  readonly tag: string | undefined;
}

const user = fc.stringMatching(/^[a-z0-9\-_.!~*'()&=+$,;?/]{1,10}$/);
const uri = fc
  .tuple(fc.constantFrom('sip', 'sips'), user, host, fc.constantFrom('', ';lr', ';transport=tcp;x=1', ';user=phone'))
  .map(([scheme, name, { text }, params]) => `${scheme}:${name}@${text}${params}`);
const displayName = fc.oneof(quotedString, fc.constantFrom('', 'Alice ', 'A. G. Bell '));
const address: fc.Arbitrary<Spelled<AddressValue>> = fc
  .tuple(displayName, lws, uri, lws, fc.option(token, { nil: undefined }), fc.oneof(quotedString, token))
  .map(([name, a, each, b, tag, other]) => {
    const tagText = tag === undefined ? '' : `${b};${a}tag=${b}${tag}`;
    return { text: `${name}${a}<${each}>${b};x-other=${other}${tagText}`, value: { uri: each, tag } };
  });

/** Values on one or several lines, in full or compact form and any case, with white space before the colon. */
function lines(
  name: string,
  compact: string,
  values: readonly string[],
  joins: readonly boolean[],
): fc.Arbitrary<string> {
  const spelledName = fc.oneof(anyCase(name), anyCase(compact));
  return fc.tuple(spelledName, fc.constantFrom(':', ' :', '\t: ', ':\r\n '), lws).map(([spelled, colon, space]) => {
    const start = `${spelled}${colon}`;
    return values.reduce((text, value, i) => {
      if (i === 0) return start + value;
      return text + (joins[i] ? `${space},${space}${value}` : `\r\n${start}${value}`);
    }, '');
  });
}

interface Generated {
  readonly text: string;
  readonly method: string;
  readonly requestUri: string;
  readonly vias: readonly ViaValue[];
  readonly from: AddressValue;
  readonly to: AddressValue;
  readonly routes: readonly AddressValue[];
  readonly callId: string;
  readonly cseq: number;
  readonly maxForwards: number | undefined;
  readonly body: string;
}

const extras = fc.array(
  fc
    .tuple(
      token.map((name) => `X-${name}`),
      fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,20}$/),
    )
    .map(([name, value]) => `${name}: ${value}`),
  { maxLength: 4 },
);

const generated: fc.Arbitrary<Generated> = fc
  .record({
    method: token,
    requestUri: uri,
    vias: fc.array(viaValue, { minLength: 1, maxLength: 4 }),
    from: address,
    to: address,
    routes: fc.array(address, { maxLength: 4 }),
    joins: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    callId: token,
    cseq: number(2 ** 31 - 1),
    maxForwards: fc.option(number(255), { nil: undefined }),
    extras,
    body: fc.array(fc.nat(255), { maxLength: 30 }).map((codes) => String.fromCharCode(...codes)),
    gap: lwsNeeded,
  })
  .chain((parts) =>
    fc
      .tuple(
        lines(
          'Via',
          'v',
          parts.vias.map(({ text }) => text),
          parts.joins,
        ),
        lines('From', 'f', [parts.from.text], []),
        lines('To', 't', [parts.to.text], []),
        lines('Call-ID', 'i', [parts.callId], []),
        lines('CSeq', 'CSeq', [`${parts.cseq.text}${parts.gap}${parts.method}`], []),
        lines('Max-Forwards', 'Max-Forwards', [parts.maxForwards?.text ?? ''], []),
        lines('Content-Length', 'l', [String(parts.body.length)], []),
        lines(
          'Route',
          'Route',
          parts.routes.map(({ text }) => text),
          parts.joins,
        ),
      )
      .chain(([via, from, to, callId, cseq, maxForwards, contentLength, route]) => {
        const present = [via, from, to, callId, cseq, contentLength, ...parts.extras];
        if (parts.maxForwards !== undefined) present.push(maxForwards);
        if (parts.routes.length > 0) present.push(route);
        return fc.shuffledSubarray(present, { minLength: present.length }).map((shuffled) => ({
          ...parts,
          text: `${parts.method} ${parts.requestUri} SIP/2.0\r\n${shuffled.join('\r\n')}\r\n\r\n${parts.body}`,
          vias: parts.vias.map(({ value }) => value),
          from: parts.from.value,
          to: parts.to.value,
          routes: parts.routes.map(({ value }) => value),
          cseq: parts.cseq.value,
          maxForwards: parts.maxForwards?.value,
        }));
      }),
  );

function parsed(text: string): SipRequest {
  const message = parseMessage(text);
  if (message?.kind !== 'request') throw new Error('no request');
  return message;
}

describe('a generated request, in any spelling that RFC 3261 §25 allows,', () => {
  it('is well formed', () => {
    fc.assert(
      fc.property(generated, ({ text }) => {
        expect(checkRequest(parsed(text))).toBeUndefined();
      }),
    );
  });

  it('gives the values that it was made of', () => {
    fc.assert(
      fc.property(generated, (made) => {
        const message = parsed(made.text);
        const { method, requestUri, callId, cseqNumber, cseqMethod, maxForwards, fromTag, toTag, body } = message;
        expect({ method, requestUri, callId, cseqNumber, cseqMethod, maxForwards, fromTag, toTag, body }).toEqual({
          method: made.method,
          requestUri: made.requestUri,
          callId: made.callId,
          cseqNumber: made.cseq,
          cseqMethod: made.method,
          maxForwards: made.maxForwards,
          fromTag: made.from.tag,
          toTag: made.to.tag,
          body: made.body,
        });
        expect(message.from?.uri).toBe(made.from.uri);
        expect(message.routes.map(({ uri: each, tag }) => ({ uri: each, tag }))).toEqual(made.routes);
        expect(
          message.vias.map(({ transport, host: name, port, branch, rport }) => ({
            transport,
            host: name,
            port,
            branch,
            rport,
          })),
        ).toEqual(made.vias);
      }),
    );
  });

  it('is the same text after an edit that changes nothing', () => {
    fc.assert(
      fc.property(generated, ({ text }) => {
        expect(new Edit(parsed(text)).toString()).toBe(text);
      }),
    );
  });

  it('is the same text after a Via is put on and taken off again (RFC 3261 §16.6 step 8, §16.7 step 3)', () => {
    fc.assert(
      fc.property(generated, viaValue, ({ text }, via) => {
        const down = new Edit(parsed(text));
        down.insertFirst(`Via: ${via.text}\r\n`);
        const up = new Edit(parsed(down.toString()));
        up.removeTopVia();
        expect(up.toString()).toBe(text);
      }),
    );
  });

  it('keeps the octets of all other values when the top Via or Routes are removed', () => {
    fc.assert(
      fc.property(generated, fc.nat(4), fc.nat(4), ({ text }, first, count) => {
        const before = parsed(text);
        const edit = new Edit(before);
        edit.removeTopVia();
        edit.removeRoutes(first, count);
        const after = parsed(edit.toString());
        const octets = (message: SipRequest, list: readonly { start: number; end: number }[]) =>
          list.map(({ start, end }) => message.text.slice(start, end));
        expect(octets(after, after.vias)).toEqual(octets(before, before.vias).slice(1));
        expect(octets(after, after.routes)).toEqual(octets(before, before.routes).toSpliced(first, count));
        expect(after.viaList.isWhole && after.routeList.isWhole).toBe(true);
        expect(after.body).toBe(before.body);
      }),
    );
  });

  it('has the received and rport that were added, and no other change in its top Via (RFC 3581 §4)', () => {
    fc.assert(
      fc.property(generated, ({ text, vias }) => {
        const edit = new Edit(parsed(text));
        edit.addViaParams('192.0.2.77', 4711);
        const after = parsed(edit.toString());
        const { transport, host: name, port, branch, rport, received } = after.topVia ?? {};
        expect({ transport, host: name, port, branch, rport, received }).toEqual({
          ...vias[0],
          rport: '4711',
          received: '192.0.2.77',
        });
        expect(after.vias.length).toBe(vias.length);
      }),
    );
  });
});
