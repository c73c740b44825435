/** The sending half of a stream connection: gathers messages, so that many leave by one write, and bounds how much may wait. */
import type { Socket } from 'node:net';
import type { Clock } from '../../clock.ts';
import type { MemoryAccount } from '../memory-budget.ts';
import type { Flow } from './flow.ts';
import type { TransportLimits } from './settings.ts';
import type { WriteTurn } from './write-turn.ts';

/** What the writer asks of its connection. */
type WrittenConnection = Pick<Flow, 'state' | 'isEnding'> & {
  /** Of its peer. */
  readonly account: MemoryAccount;
};

export interface WriterParts {
  readonly limits: TransportLimits;
  readonly clock: Clock;
  readonly writeTurn: WriteTurn;
}

/** How long, and by how many times, what waits may be above the limit of the write queue. */
const BURST_MS = 1_000;
const BURST_QUEUES = 16;

/** So many octets may always wait to be written: for one message more no connection is given up. */
const FREE_QUEUE = 65_536;

const SLASH = 47;

/** `SIP/2.0 200`; no method has a slash in it. */
export const isResponse = (message: string): boolean => message.charCodeAt(3) === SLASH;

export class StreamWriter {
  readonly #connection: WrittenConnection;
  readonly #socket: Socket;
  readonly #parts: WriterParts;
  /** Output of this turn; while connecting, all output. */
  #gathered = '';
  /** Octets that the account has been told of. */
  #queued = 0;
  /** When more than the write queue was first found waiting. */
  #fullSince: number | undefined;
  /** Responses that may not reach anybody: those that wait for the connection to be made, or have left since it is ending. */
  #doubtful: string[] = [];
  /** Octets of them that the account has been told of, besides those that wait. */
  #late = 0;

  constructor(connection: WrittenConnection, socket: Socket, parts: WriterParts) {
    this.#connection = connection;
    this.#socket = socket;
    this.#parts = parts;
  }

  /** Octets that wait. What this turn has gathered does not count, for the socket has not been asked yet. */
  get waiting(): number {
    return this.#connection.state === 'open' ? this.#socket.writableLength : this.#gathered.length;
  }

  /** @returns false: there is no room for the message, and its peer is given up */
  add(message: string): boolean {
    if (!this.#hasRoom(message)) return false;
    const { state, isEnding } = this.#connection;
    if (this.#gathered === '' && state === 'open') this.#parts.writeTurn.add(this);
    this.#gathered += message;
    if (state === 'connecting') this.#noteQueue(this.#gathered.length);
    if ((isEnding || state === 'connecting') && isResponse(message)) this.#keepDoubtful(message);
    return true;
  }

  /**
   * A burst, like all that fails over from another hop, may be larger than the limit and is gone in a moment; a peer that
   * does not read stays above it.
   */
  #hasRoom(message: string): boolean {
    const { limits, clock } = this.#parts;
    const { waiting } = this;
    if (waiting > FREE_QUEUE && !this.#connection.account.admits(message.length)) return false;
    if (waiting <= limits.writeQueueBytes) {
      this.#fullSince = undefined;
      return true;
    }
    this.#fullSince ??= clock.now();
    return waiting <= BURST_QUEUES * limits.writeQueueBytes && clock.now() - this.#fullSince < BURST_MS;
  }

  /** One that there is no room for leaves all the same, but not once more if the peer turns out to be gone. */
  #keepDoubtful(answer: string): void {
    const { state, account } = this.#connection;
    // Until the connection is made it stands in what has been gathered, which is counted.
    if (state === 'connecting') return void this.#doubtful.push(answer);
    if (!account.hasRoomFor(answer.length)) return;
    this.#doubtful.push(answer);
    this.#late += answer.length;
    account.take(answer.length);
  }

  /** Writes what has been gathered. */
  flush(): void {
    if (this.#gathered === '' || this.#connection.state !== 'open') return;
    const output = this.#gathered;
    this.#gathered = '';
    if (!this.#socket.write(output, 'latin1')) this.#noteQueue(this.#socket.writableLength);
    else if (this.#queued > 0) this.#noteQueue(0);
  }

  /** The connection is made; what has been gathered leaves with the next `flush`. */
  onOpened(): void {
    this.#doubtful = [];
    this.#letGoDoubtful();
  }

  /** The socket has written all of it. */
  onDrained(): void {
    if (this.#queued > 0) this.#noteQueue(0);
  }

  /** Nothing leaves any more. */
  stop(): void {
    if (this.#queued > 0) this.#noteQueue(0);
    this.#letGoDoubtful();
  }

  /** The responses that may not have reached anybody, each once. */
  takeDoubtful(): readonly string[] {
    return this.#doubtful.splice(0);
  }

  #letGoDoubtful(): void {
    if (this.#late > 0) this.#connection.account.release(this.#late);
    this.#late = 0;
  }

  #noteQueue(octets: number): void {
    this.#connection.account.take(octets - this.#queued);
    this.#queued = octets;
  }
}
