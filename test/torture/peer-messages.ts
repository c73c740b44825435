/** Requests as Lync and IM&P write them, rich in what a proxy does not know and must not touch. The host names are examples. */

export interface PeerMessage {
  readonly name: string;
  readonly text: string;
}

const message = (name: string, lines: readonly string[], body = ''): PeerMessage => ({
  name,
  text: `${[...lines, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`,
});

const RELATED = [
  '',
  '------=_NextPart_000_0001',
  'Content-Type: application/sdp',
  'Content-ID: <sdp@example.com>',
  '',
  'v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=session\r\nm=message 5060 sip null\r\n',
  '------=_NextPart_000_0001',
  'Content-Type: image/png',
  'Content-Transfer-Encoding: binary',
  '',
  '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff\xfe\r\n\r\nSIP/2.0 200 OK\r\nContent-Length: 99999\r\n\r\n',
  '------=_NextPart_000_0001--',
  '',
].join('\r\n');

/** As long as a header section may be, and still let others stand beside it. */
const LONG = 'x'.repeat(40_000);

const lyncInvite = message(
  'INVITE of a Lync Front End with ms-text-format, ms-body and multipart/related',
  [
    'INVITE sip:bob@example.com SIP/2.0',
    'Record-Route: <sip:pool1.example.com:5061;transport=tls;ms-fe=fe1.example.com;opaque=state:T:F:Ci.R29d000;lr;ms-route-sig=aaCyfWWGsP7ngcgaYpxpY2MvLVzK-YGVqxEEHR6dlZM9FtI1pK8>;tag=B4F31B72E6A4AC0E9D6F1F7D5BBBE4A4',
    'Via: SIP/2.0/TLS 192.0.2.21:5061;branch=z9hG4bK2AE45E5E.9E5F8A5C3D9A6BD5;branched=FALSE;ms-internal-info="cqJ5e6Xd8P-wM, a;b"',
    'Via: SIP/2.0/TLS 192.0.2.77:61524;received=198.51.100.4;ms-received-port=61524;ms-received-cid=2A00',
    'Max-Forwards: 69',
    'From: "Alice \\"A, B\\" <x>" <sip:alice@example.com>;tag=8e1c9a4f63;epid=3dd7a1c29b',
    'To: <sip:bob@example.com>;epid=01a2b3',
    'Call-ID: 6f3a52c0e9be4b0d9b9f6f8d',
    'CSeq: 1 INVITE',
    'Contact: <sip:alice@example.com;opaque=user:epid:r5vzkU5DTVmyo2-1q;gruu>',
    'User-Agent: UCCAPI/4.0.7577.0 OC/4.0.7577.0 (Microsoft Lync 2010)',
    'Ms-Text-Format: text/plain; charset=UTF-8;msgr=WAAtAE0ATQBTAC0ASQBNAC0ARgBvAHIAbQBhAHQAOgA=;ms-body=SGVsbG8gd29ybGQ=',
    'ms-text-format :\ttext/html; charset=UTF-8',
    'Supported: ms-delayed-accept',
    'Supported: ms-renders-isf, ms-renders-gif ,\r\n\tms-sender',
    'Roster-Manager: sip:alice@example.com',
    'EndPoints: "Alice" <sip:alice@example.com>, "Bob" <sip:bob@example.com>',
    'ms-keep-alive: UAC;hop-hop=yes',
    'P-Asserted-Identity: "Alice"<sip:alice@example.com>,<tel:+15555550100;ext=100>',
    'Proxy-Authorization: TLS-DSK qop="auth", realm="SIP Communications Service", opaque="D4A1C1BB", targetname="fe1.example.com", crand="92f0a7d2", cnum="12", response="0a,b;c"',
    'ms-rrsig: aaM2m3tqr9S-bPqVf, "folded\r\n   twice\r\n\tover"',
    'X-Empty:',
    'X-Blank:   ',
    'X-Utf8: \xd0\xb4\xd0\xbe\xd0\xb1\xd1\x80\xd1\x8b\xd0\xb9 \xff\xfe\x80',
    'Content-Type: multipart/related;type="application/sdp";\r\n  boundary="----=_NextPart_000_0001"',
  ],
  RELATED,
);

export const peerRequests: readonly PeerMessage[] = [
  lyncInvite,
  message(
    'SERVICE of Lync with quoted URI parameters in its Contact ([MS-SIP] §4.5)',
    [
      'SERVICE sip:bob@example.com;gruu;opaque=app:conf:focus:id:7Q SIP/2.0',
      'v: SIP/2.0/TCP 192.0.2.21:14423;branch=z9hG4bK55aa;rport',
      'Max-Forwards:70',
      'f: <sip:alice@example.com>;tag=1f;epid=99',
      't: <sip:bob@example.com>',
      'i: 9d1e-service',
      'CSeq: 07 SERVICE',
      'm: <sip:alice@192.0.2.1:14423;maddr=192.0.2.1;transport="tcp">;proxy=replace',
      'c: application/msrtc-category-publish+xml',
    ],
    '<publish xmlns="http://schemas.microsoft.com/2006/09/sip/rich-presence"/>\n\n',
  ),
  message(
    'MESSAGE of Cisco IM&P with folded and lower-case fields',
    [
      'MESSAGE sip:carol@example.com;transport=tcp SIP/2.0',
      'via: SIP / 2.0 / TCP\r\n imp1.example.com : 5060 ; branch = z9hG4bK7c3.1 ;\r\n alias , SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKlow',
      'MAX-FORWARDS\t:\t 0070 ',
      'from:"Carlos" <sip:carlos@example.com>;tag=7f4e',
      'TO :<sip:carol@example.com>',
      'call-id:\r\n 17b5@imp1.example.com',
      'cseq: 101\tMESSAGE',
      'User-Agent: Cisco-IMP/12.5 ',
      'P-Charging-Vector: icid-value="AyretyU0dm+6O2IrT5tAFrbHLso=023551024"',
      'Content-Type: text/plain; charset=utf-8',
    ],
    'line one\nline two\r\n\r\nline three \0',
  ),
  message(
    'NOTIFY with a header field of 40,000 octets',
    [
      'NOTIFY sip:dave@example.com SIP/2.0',
      'Via: SIP/2.0/TCP 192.0.2.11;branch=z9hG4bKlong',
      'Max-Forwards: 12',
      'Max-Breadth: 30',
      'From: <sip:erin@example.com>;tag=1',
      'To: <sip:dave@example.com>;tag=2',
      'Call-ID: long-field',
      'CSeq: 4294967 NOTIFY',
      `X-Long-Unknown-Header-Field-That-Nobody-Has-Heard-Of: ${LONG}`,
      'Event: presence',
      'Subscription-State: active;expires=600',
      'Content-Type: application/pidf+xml',
    ],
    '<presence/>',
  ),
  message('BENOTIFY of Lync without a body', [
    'BENOTIFY sip:frank@example.com SIP/2.0',
    'Via: SIP/2.0/TLS 192.0.2.21:5061;branch=z9hG4bKbe;branched=FALSE',
    'Authentication-Info: TLS-DSK qop="auth", opaque="67DF4A50", srand="F4D2E6A7", snum="45", rspauth="82", targetname="fe1", realm="SIP Communications Service", version=4',
    'Max-Forwards: 70',
    'To: <sip:frank@example.com>;tag=c8;epid=11',
    'From: <sip:gina@example.com>;tag=22',
    'Call-ID: be-notify',
    'CSeq: 2 BENOTIFY',
    'Require: eventlist',
    'Event: presence',
    'subscription-state: active;expires=25200',
  ]),
];
