/** The request that micro-benchmarks read: a MESSAGE as Lync writes it, each with values of its own. */
const body = 'Good morning, do you have five minutes for the figures of last week?';

/** What a request has picked up behind a client, an Edge and a Front End (RFC 3261 §16.6): every line has a structure of its own. */
export const longPath = [
  'Via: SIP/2.0/TLS fe1.example.com:5061;branch=z9hG4bK7C1D02A9.6B4F;branched=FALSE;received=192.0.2.31',
  'Via: SIP/2.0/TLS 192.0.2.77:50123;branch=z9hG4bK55D08F11;ms-received-port=50123;ms-received-cid=1A00',
  'Record-Route: <sip:fe1.example.com:5061;transport=tls;lr;ms-route-sig=bbCxE8pQ0dJ2>;tag=4E9A1D77',
  'Record-Route: <sip:edge.example.com:5061;transport=tls;opaque=state:T:F;lr>',
];

/** @param path further lines behind the top Via */
export const messageText = (number: number, path: readonly string[] = []): string => {
  const own = String(number).padStart(8, '0');
  return [
    `MESSAGE sip:user${own}@example.com SIP/2.0`,
    `Via: SIP/2.0/TCP 192.0.2.21:49180;branch=z9hG4bK${own}.15AF4D6A;rport`,
    ...path,
    'Max-Forwards: 70',
    `From: "Alice Liddell" <sip:alice.liddell@example.com>;tag=${own};epid=6f2a3b4c5d`,
    `To: <sip:user${own}@example.com>`,
    `Call-ID: ${own}f3a94bd3a0e14c55b6e0b1f0a9d5c1e7`,
    'CSeq: 1 MESSAGE',
    'Contact: <sip:alice.liddell@example.com;opaque=user:epid:Yx5nQm3Z1VqkP0dW2rT8cAAA;gruu>',
    'User-Agent: UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)',
    'Supported: ms-sender, ms-delayed-accept',
    'ms-asserted-verification-level: ms-source-verified-user=verified',
    'P-Asserted-Identity: "Alice Liddell" <sip:alice.liddell@example.com>',
    'Content-Type: text/plain; charset=UTF-8',
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
};

/** As they come from a socket: whoever reads one makes a text of it first. */
export const messages = (count: number, path: readonly string[] = []): readonly Buffer[] =>
  Array.from({ length: count }, (_, number) => Buffer.from(messageText(number, path), 'latin1'));
