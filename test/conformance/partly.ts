/** What of the RFCs the router does in part or not at all, and why: the half of the coverage that no check can show. */

export interface Limit {
  readonly rfc: string;
  readonly section: string;
  readonly verdict: 'partly' | 'no';
  readonly why: string;
}

export const limits: readonly Limit[] = [
  { rfc: '3261', section: '10', verdict: 'no', why: 'it is no registrar: REGISTER goes on like any other request' },
  { rfc: '3261', section: '16.3(6)', verdict: 'no', why: 'no digest: peers are known by address and certificate' },
  { rfc: '3261', section: '16.7(4)', verdict: 'no', why: 'a 3xx is relayed, not followed' },
  { rfc: '3261', section: '16.6(2)', verdict: 'no', why: 'the Request-URI is never replaced by a location' },
  { rfc: '3261', section: '18.1.1', verdict: 'partly', why: 'no multicast' },
  {
    rfc: '3261',
    section: '18.2.2',
    verdict: 'partly',
    why: 'maddr is not followed: an answer goes to where its request came from',
  },
  { rfc: '3261', section: '22', verdict: 'no', why: 'as 16.3(6); credentials pass untouched' },
  {
    rfc: '3261',
    section: '26.2.2',
    verdict: 'partly',
    why: 'sips asks for TLS to the next hop; how it came in is not asked',
  },
  { rfc: '5393', section: '5.3.3', verdict: 'partly', why: 'hops are tried in turn, each with the whole breadth' },
  { rfc: '5626', section: '4.2', verdict: 'no', why: 'keep-alives only: no flows of registered clients' },
  { rfc: '5923', section: '5', verdict: 'partly', why: 'over TCP an alias counts for the address it came from only' },
  { rfc: '7118', section: '4', verdict: 'no', why: 'no WebSocket: neither side speaks it' },
];
