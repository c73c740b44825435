/** The request that micro-benchmarks read: a MESSAGE as Lync writes it, each with values of its own. */
const body = 'Good morning, do you have five minutes for the figures of last week?';

export const messageText = (number: number): string => {
  const own = String(number).padStart(8, '0');
  return [
    `MESSAGE sip:user${own}@example.com SIP/2.0`,
    `Via: SIP/2.0/TCP 192.0.2.21:49180;branch=z9hG4bK${own}.15AF4D6A;rport`,
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
export const messages = (count: number): readonly Buffer[] =>
  Array.from({ length: count }, (_, number) => Buffer.from(messageText(number), 'latin1'));
