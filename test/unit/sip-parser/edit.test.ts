import { describe, expect, it } from 'vitest';
import { Edit, parseMessage, type SipRequest } from '../../../src/sip-parser/index.ts';
import { type Lines, parseRequest, request, requestText } from './sample.ts';

function edited(message: SipRequest, change: (edit: Edit) => void): string {
  const edit = new Edit(message);
  change(edit);
  return edit.toString();
}

/** The lines that an edit gave, without start line and body. */
function linesAfter(changes: Lines, change: (edit: Edit) => void): string {
  const text = edited(request(changes), change);
  return text.slice(text.indexOf('\r\n') + 2, text.indexOf('\r\n\r\n') + 2);
}

/** A message of the given lines only. */
function bare(...lines: string[]): SipRequest {
  return parseRequest(`OPTIONS sip:bob@example.com SIP/2.0\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`);
}

function bareLines(message: SipRequest, change: (edit: Edit) => void): string[] {
  const text = edited(message, change);
  return text
    .slice(text.indexOf('\r\n') + 2, -2)
    .split('\r\n')
    .slice(0, -1);
}

describe('Edit', () => {
  it.each([
    ['OPTIONS sip:bob@example.com SIp/2.0', 'OPTIONS sip:bob@example.com SIP/2.0'],
    ['sip/2.0 200 sip/2.0', 'SIP/2.0 200 sip/2.0'],
  ])('sends the version of %j in upper case (RFC 3261 §7.1)', (received, sent) => {
    const message = parseMessage(requestText({}, received))!;
    expect(new Edit(message).toString()).toBe(requestText({}, sent));
  });

  it('without an edit gives the text', () => {
    expect(edited(request(), () => {})).toBe(requestText());
  });

  it('replaces the Request-URI and nothing else (RFC 3261 §16.6 step 2)', () => {
    const text = edited(request(), (edit) => edit.replaceRequestUri('sip:192.0.2.9:5060'));
    expect(text).toBe(requestText({}, 'MESSAGE sip:192.0.2.9:5060 SIP/2.0'));
  });

  it('replaces a Request-URI with white space in it whole', () => {
    const message = parseRequest(requestText({}, 'MESSAGE  sip:bob@example.com; lr  SIP/2.0'));
    expect(edited(message, (edit) => edit.replaceRequestUri('sip:x'))).toBe(requestText({}, 'MESSAGE sip:x SIP/2.0'));
  });

  it('leaves the start line of a response alone', () => {
    const text = 'SIP/2.0 200 a b c\r\n\r\n';
    const edit = new Edit(parseMessage(text)!);
    edit.replaceRequestUri('sip:x');
    expect(edit.toString()).toBe(text);
  });

  it('inserts lines first and last, each in call order', () => {
    const message = bare('To: <sip:bob@example.com>', 'X: 1');
    const lines = bareLines(message, (edit) => {
      edit.insertLast('L1: a\r\n');
      edit.insertFirst('F1: a\r\n');
      edit.insertFirst('F2: b\r\n');
      edit.insertLast('L2: b\r\n');
    });
    expect(lines).toEqual(['F1: a', 'F2: b', 'To: <sip:bob@example.com>', 'X: 1', 'L1: a', 'L2: b']);
  });

  it('inserts into a message without header fields', () => {
    expect(bareLines(bare(), (edit) => edit.insertFirst('A: 1\r\n'))).toEqual(['A: 1']);
  });

  it.each([
    ['Max-Forwards: 70', 'Max-Forwards: 9'],
    ['max-forwards \t:\r\n  0070  ', 'max-forwards \t:\r\n  9  '],
    ['Max-Forwards:1', 'Max-Forwards:9'],
  ])('patches only the digits of %j (RFC 3261 §16.6 step 3)', (before, after) => {
    const text = edited(request({ 'Max-Forwards': before }), (edit) => edit.setMaxForwards(9));
    expect(text).toBe(requestText({ 'Max-Forwards': after }));
  });

  it('adds Max-Forwards and Max-Breadth where they are absent (RFC 3261 §16.6 step 3, RFC 5393 §5.3.3)', () => {
    const lines = bareLines(bare('X: 1'), (edit) => {
      edit.setMaxBreadth(30);
      edit.setMaxForwards(70);
      edit.insertFirst('Via: new\r\n');
    });
    expect(lines).toEqual(['Via: new', 'Max-Forwards: 70', 'Max-Breadth: 30', 'X: 1']);
  });

  it('lets a later call of a setter replace the earlier one', () => {
    const lines = bareLines(bare('Max-Breadth: 60'), (edit) => {
      edit.setMaxBreadth(30);
      edit.setMaxBreadth(15);
    });
    expect(lines).toEqual(['Max-Breadth: 15']);
  });

  it('adds Content-Length only where it is absent, and counts octets (RFC 3261 §20.14)', () => {
    const body = 'Gr\xc3\xbc\xc3\x9fe';
    const message = parseRequest(`MESSAGE sip:bob@example.com SIP/2.0\r\nX: 1\r\n\r\n${body}`);
    const text = edited(message, (edit) => edit.addContentLengthIfAbsent());
    expect(text).toBe(`MESSAGE sip:bob@example.com SIP/2.0\r\nX: 1\r\nContent-Length: 7\r\n\r\n${body}`);
    expect(edited(request(), (edit) => edit.addContentLengthIfAbsent())).toBe(requestText());
  });

  it('puts Content-Length before a line without colon, behind which some would miss it: the body would be a message of ours', () => {
    const via = 'Via: SIP/2.0/TCP new.example.com\r\n';
    const before = ['v: SIP/2.0/TCP a', 'odd', 'stray', 'l :5', 'X: 1'];
    const after = [via.trim(), 'l :5', 'v: SIP/2.0/TCP a', 'odd', 'stray', 'X: 1'];
    expect(bareLines(bare(...before), (edit) => edit.insertFirst(via))).toEqual(after);
    const added = bareLines(bare('X: 1', 'odd'), (edit) => edit.addContentLengthIfAbsent());
    expect(added).toEqual(['Content-Length: 0', 'X: 1', 'odd']);
    const harmless = ['Content-Length: 5', 'odd'];
    expect(bareLines(bare(...harmless), (edit) => edit.addContentLengthIfAbsent())).toEqual(harmless);
  });
});

describe('Edit.addViaParams', () => {
  it.each<[string, string, string | undefined, number | undefined]>([
    ['SIP/2.0/UDP a;rport;branch=z', 'SIP/2.0/UDP a;rport=5062;branch=z;received=192.0.2.1', '192.0.2.1', 5062],
    ['SIP/2.0/UDP a;branch=z;rport', 'SIP/2.0/UDP a;branch=z;rport=5062;received=192.0.2.1', '192.0.2.1', 5062],
    ['SIP/2.0/UDP a;branch=z', 'SIP/2.0/UDP a;branch=z;received=192.0.2.1', '192.0.2.1', undefined],
    ['SIP/2.0/UDP a', 'SIP/2.0/UDP a;received=2001:db8::1;rport=5062', '2001:db8::1', 5062],
    ['SIP/2.0/UDP a;received=9.9.9.9;rport', 'SIP/2.0/UDP a;received=192.0.2.1;rport', '192.0.2.1', undefined],
    [
      'SIP/2.0/UDP a;RECEIVED = 9.9.9.9 ;RPort = 1',
      'SIP/2.0/UDP a;RECEIVED = 192.0.2.1 ;RPort = 5062',
      '192.0.2.1',
      5062,
    ],
    ['SIP/2.0/UDP a;received ;x=1', 'SIP/2.0/UDP a;received=192.0.2.1 ;x=1', '192.0.2.1', undefined],
    ['SIP/2.0/UDP a;rport', 'SIP/2.0/UDP a;rport=5062', undefined, 5062],
    ['SIP/2.0/UDP a;received=;rport=', 'SIP/2.0/UDP a;received=192.0.2.1;rport=5062', '192.0.2.1', 5062],
    ['SIP/2.0/UDP a;rport=', 'SIP/2.0/UDP a;rport=5062;received=192.0.2.1', '192.0.2.1', 5062],
    ['SIP/2.0/UDP a;rport', 'SIP/2.0/UDP a;rport', undefined, undefined],
    [
      'SIP/2.0/UDP a ; x="rport" , SIP/2.0/UDP b;rport',
      'SIP/2.0/UDP a ; x="rport";received=192.0.2.1;rport=1 , SIP/2.0/UDP b;rport',
      '192.0.2.1',
      1,
    ],
  ])('makes of %j %j (RFC 3261 §18.2.1, RFC 3581 §4)', (before, after, received, rport) => {
    const lines = bareLines(bare(`v: ${before}`, 'Via: SIP/2.0/UDP c;rport'), (edit) =>
      edit.addViaParams(received, rport),
    );
    expect(lines).toEqual([`v: ${after}`, 'Via: SIP/2.0/UDP c;rport']);
  });

  it('leaves a malformed Via as it is', () => {
    expect(bareLines(bare('Via: nonsense'), (edit) => edit.addViaParams('192.0.2.1', 1))).toEqual(['Via: nonsense']);
  });
});

describe('Edit.removeTopVia (RFC 3261 §16.7 step 3)', () => {
  it.each<[string[], string[]]>([
    [['Via: SIP/2.0/UDP a', 'Via: SIP/2.0/UDP b'], ['Via: SIP/2.0/UDP b']],
    [
      ['X: 1', 'v:SIP/2.0/UDP a\r\n ;x=1 ', 'Y: 2'],
      ['X: 1', 'Y: 2'],
    ],
    [['Via: SIP/2.0/UDP a , SIP/2.0/UDP b,SIP/2.0/UDP c '], ['Via: SIP/2.0/UDP b,SIP/2.0/UDP c ']],
    [['v :\tSIP/2.0/UDP a;x=","\r\n , \r\n  SIP  / 2.0/UDP b'], ['v :\tSIP  / 2.0/UDP b']],
    [
      ['Via: nonsense', 'Via: SIP/2.0/UDP b'],
      ['Via: nonsense', 'Via: SIP/2.0/UDP b'],
    ],
    [['X: 1'], ['X: 1']],
  ])('makes of %j %j', (before, after) => {
    expect(bareLines(bare(...before), (edit) => edit.removeTopVia())).toEqual(after.join('\r\n').split('\r\n'));
  });

  it('takes the first line away and puts new lines in its place', () => {
    const lines = bareLines(bare('Via: SIP/2.0/UDP a', 'X: 1'), (edit) => {
      edit.removeTopVia();
      edit.insertFirst('New: 1\r\n');
    });
    expect(lines).toEqual(['New: 1', 'X: 1']);
  });
});

describe('Edit.removeRoutes and appendRoute (RFC 3261 §16.4, §16.6 step 6)', () => {
  const A = '<sip:a.example.com;lr>';
  const B = '"B, b" <sip:b.example.com;lr>;x=1';
  const C = '<sip:c.example.com>';

  it.each<[string[], number, number, string[]]>([
    [[`Route: ${A}`, `Route: ${B}`], 0, 1, [`Route: ${B}`]],
    [[`Route: ${A}`, `Route: ${B}`], 1, 1, [`Route: ${A}`]],
    [[`Route: ${A}`, 'X: 1', `route : ${B}\t`], 0, 2, ['X: 1']],
    [[`Route: ${A} , ${B},${C} `], 0, 1, [`Route: ${B},${C} `]],
    [[`Route: ${A} , ${B},${C} `], 1, 1, [`Route: ${A},${C} `]],
    [[`Route: ${A} , ${B},${C} `], 2, 1, [`Route: ${A} , ${B} `]],
    [[`Route: ${A} , ${B},${C} `], 0, 2, [`Route: ${C} `]],
    [[`Route: ${A} , ${B},${C} `], 1, 2, [`Route: ${A} `]],
    [[`Route: ${A},${B}`, `Route: ${C}`], 1, 2, [`Route: ${A}`]],
    [[`Route: ${A},${B}`, `Route: ${C}`], 0, 99, []],
    [[`Route: ${A}`], 1, 1, [`Route: ${A}`]],
    [[`Route: ${A}`], 0, 0, [`Route: ${A}`]],
    [['X: 1'], 0, 1, ['X: 1']],
  ])('of %j without %i, %i value(s), leaves %j', (before, first, count, after) => {
    expect(bareLines(bare(...before, 'Z: 1'), (edit) => edit.removeRoutes(first, count))).toEqual([...after, 'Z: 1']);
  });

  it('adds up several calls: the first and the last value go, the one between stays', () => {
    const lines = bareLines(bare(`Route: ${A}, ${B}, ${C}`), (edit) => {
      edit.removeRoutes(0, 1);
      edit.removeRoutes(2, 1);
    });
    expect(lines).toEqual([`Route: ${B}`]);
  });

  it('removes a line all of whose values went in several calls', () => {
    const lines = bareLines(bare(`Route: ${A}, ${B}`, 'X: 1'), (edit) => {
      edit.removeRoutes(0, 1);
      edit.removeRoutes(1, 1);
    });
    expect(lines).toEqual(['X: 1']);
  });

  it('appends behind the last Route line', () => {
    const lines = bareLines(bare(`Route: ${A}`, `Route: ${B}`, 'X: 1'), (edit) => {
      edit.appendRoute(C);
      edit.appendRoute('<sip:d.example.com>');
    });
    expect(lines).toEqual([`Route: ${A}`, `Route: ${B}`, `Route: ${C}`, 'Route: <sip:d.example.com>', 'X: 1']);
  });

  it('appends where the removed lines were, and first when there were none', () => {
    const replaced = bareLines(bare('W: 1', `Route: ${A}`, 'X: 1'), (edit) => {
      edit.removeRoutes(0, 1);
      edit.appendRoute(C);
    });
    expect(replaced).toEqual(['W: 1', `Route: ${C}`, 'X: 1']);
    expect(bareLines(bare('X: 1'), (edit) => edit.appendRoute(C))).toEqual([`Route: ${C}`, 'X: 1']);
  });
});

it('all edits at once change what they must and keep the rest, in whatever order the lines stand', () => {
  const changes = { route: 'Route: <sip:us.example.com;lr>, <sip:next.example.com;lr>', x: 'X-Odd :  \r\n\todd ' };
  const lines = linesAfter(changes, (edit) => {
    edit.removeRoutes(0, 1);
    edit.setMaxForwards(69);
    edit.addViaParams('192.0.2.99', 49180);
    edit.insertFirst('Via: SIP/2.0/TCP us.example.com\r\n');
    edit.setMaxBreadth(60);
    edit.addContentLengthIfAbsent();
  });
  expect(lines).toBe(
    [
      'Via: SIP/2.0/TCP us.example.com',
      'Max-Breadth: 60',
      'Via: SIP/2.0/TLS 192.0.2.10:49180;branch=z9hG4bKa1;rport=49180;received=192.0.2.99',
      'From: "Alice" <sip:alice@example.com>;tag=a73kszlfl',
      'To: <sip:bob@example.com>',
      'Call-ID: 1j9FpLxk3uxtm8tn@192.0.2.10',
      'CSeq: 1 MESSAGE',
      'Max-Forwards: 69',
      'Content-Length: 5',
      'Route: <sip:next.example.com;lr>',
      'X-Odd :  \r\n\todd ',
      '',
    ].join('\r\n'),
  );
});
