/**
 * One connection to an LDAP server in its whole life: messages framed, answers matched to operations, silence noticed. It
 * never reconnects: who has lost one asks for another.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../clock.ts';
import { pagedControl, readPagedCookie } from './controls.ts';
import { isOutOfService } from './failure-class.ts';
import {
  type LdapConnection,
  type LdapControl,
  type LdapEntry,
  LdapError,
  type LdapOperation,
  type LdapResult,
  type LdapSearch,
} from './ldap.ts';
import { hasMoreValues, withAllValues } from './ranged-values.ts';
import { resultCodes, tellResult } from './result-code.ts';
import {
  type LdapResponse,
  messageLength,
  readResponse,
  type WireResult,
  writeAbandon,
  writeBind,
  writeSearch,
  writeUnbind,
} from './wire.ts';

interface ConnectionSettings {
  readonly server: string;
  /** How long the server may be silent about an operation. */
  readonly budgetMs: number;
  /** After this long without a message the server is asked for a sign of life; it has `budgetMs` to give one. */
  readonly keepAliveMs: number;
}

/** A request under way. */
interface Pending {
  readonly search: LdapSearch | undefined;
  readonly referrals: string[];
  readonly settle: (outcome: WireResult | Error) => void;
  readonly isSignOfLife: boolean;
  heardAtMs: number;
  budget: { cancel(): void } | undefined;
}

interface AskOptions {
  readonly search?: LdapSearch;
  readonly budgetMs?: number;
  readonly isSignOfLife?: boolean;
}

/** Anything that every server answers, whatever may be read. */
const signOfLife = { baseDn: '', scope: 'base', filter: { present: 'objectClass' }, attributes: ['1.1'] } as const;

/** One slow search may be its own fault. A server that gives signs of life, and answers nothing else, has lost its database. */
const mostUnanswered = 2;

/** An empty page is not the last one (RFC 2696 §3); a server that gives no others would be asked for ever. */
const mostEmptyPages = 1_000;

/** RFC 4511 §4.4.1: the server says that it will close the connection, in a message that answers nothing. */
const noticeOfDisconnection = 0;

const empty = Buffer.alloc(0);

export class LdapStreamConnection implements LdapConnection {
  readonly server: string;
  readonly #socket: Socket;
  readonly #settings: ConnectionSettings;
  readonly #clock: Clock;
  readonly #pending = new Map<number, Pending>();
  readonly #closeListeners: ((why: LdapError) => void)[] = [];
  #rest: Buffer = empty;
  #lastId = 0;
  #heardAtMs: number;
  #keepAlive: { cancel(): void } | undefined;
  #closedBecause: LdapError | undefined;
  #isProbing = false;
  /** Requests in a row that were not answered; signs of life are not counted among them. */
  #unanswered = 0;

  /** @param socket open, and read by nobody else */
  constructor(socket: Socket, settings: ConnectionSettings, clock: Clock) {
    this.server = settings.server;
    this.#socket = socket;
    this.#settings = settings;
    this.#clock = clock;
    this.#heardAtMs = clock.now();
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('error', (error) => this.#end(new LdapError('ldap-closed', `${this.server}: ${error.message}`)));
    socket.on('close', () => this.#end(new LdapError('ldap-closed', `${this.server} closed the connection`)));
    if (socket.destroyed) this.#end(new LdapError('ldap-closed', `${this.server} closed the connection`));
    this.#watch(settings.keepAliveMs);
  }

  get closedBecause(): LdapError | undefined {
    return this.#closedBecause;
  }

  onClosed(run: (why: LdapError) => void): void {
    if (this.#closedBecause === undefined) this.#closeListeners.push(run);
    else run(this.#closedBecause);
  }

  /** Simple bind (RFC 4513 §5.1.3). Without a password it would succeed and mean nobody (§5.1.2): that is refused here. */
  async bind(dn: string, password: string, budgetMs: number): Promise<void> {
    if (dn === '' || password === '')
      throw new LdapError('ldap-bind', `${this.server}: the bind DN or its password is empty`);
    const result = await this.#ask((id) => writeBind(id, dn, password), { budgetMs }).done;
    if (result.code !== 0) {
      const what = `${this.server} refuses ${dn}: ${tellResult(result.code, result.diagnostic)}`;
      throw new LdapError(isOutOfService(result.code) ? 'ldap-unavailable' : 'ldap-bind', what, result.code);
    }
  }

  search(search: LdapSearch): LdapOperation {
    return this.#search(search, search.controls);
  }

  searchPaged(search: LdapSearch, pageSize: number): LdapOperation {
    let page: LdapOperation | undefined;
    let isAbandoned = false;
    const pages = async (): Promise<LdapResult> => {
      const referrals: string[] = [];
      let emptyPages = 0;
      const onEntry = (entry: LdapEntry): void => {
        emptyPages = 0;
        search.onEntry(entry);
      };
      for (let cookie: Buffer = empty; ; ) {
        page = this.#search({ ...search, onEntry }, [...(search.controls ?? []), pagedControl(pageSize, cookie)]);
        const result = await page.done;
        referrals.push(...result.referrals);
        emptyPages += 1;
        if (emptyPages > mostEmptyPages) {
          const what = `${this.server} has given ${mostEmptyPages} empty pages in a row, and no end`;
          throw new LdapError('ldap-protocol', what);
        }
        // An empty page with a cookie is not the last one (RFC 2696 §3): only an empty cookie says so.
        cookie = readPagedCookie(result.controls) ?? empty;
        if (cookie.length === 0) return { ...result, referrals };
        if (isAbandoned) throw abandoned(this.server);
      }
    };
    const abandon = (): void => {
      isAbandoned = true;
      page?.abandon();
    };
    return { done: pages(), abandon };
  }

  close(): void {
    if (this.#closedBecause !== undefined) return;
    this.#socket.end(writeUnbind(this.#nextId()));
    this.#end(new LdapError('ldap-closed', `we have closed the connection to ${this.server}`));
  }

  /** An entry of which not all values came is told last, when the others have been fetched. */
  #search(search: LdapSearch, controls: readonly LdapControl[] | undefined): LdapOperation {
    const partial: LdapEntry[] = [];
    const onEntry = (entry: LdapEntry): void => {
      if (hasMoreValues(entry)) partial.push(entry);
      else search.onEntry(entry);
    };
    const { done, abandon } = this.#searchOnce({ ...search, onEntry }, controls);
    const whole = done.then(async (result) => {
      for (const entry of partial) {
        search.onEntry(await withAllValues(entry, (attribute) => this.#readAgain(entry.dn, attribute)));
      }
      return result;
    });
    return { done: whole, abandon };
  }

  async #readAgain(dn: string, attribute: string): Promise<LdapEntry | undefined> {
    const found: LdapEntry[] = [];
    const onEntry = (entry: LdapEntry): void => void found.push(entry);
    const filter = { present: 'objectClass' };
    try {
      await this.#searchOnce({ baseDn: dn, scope: 'base', filter, attributes: [attribute], onEntry }, undefined).done;
    } catch (error) {
      if ((error as LdapError).resultCode !== resultCodes.noSuchObject) throw error;
    }
    return found[0];
  }

  #searchOnce(search: LdapSearch, controls: readonly LdapControl[] | undefined): LdapOperation {
    const { budgetMs } = search;
    const write = (id: number): Buffer => writeSearch(id, search, controls);
    const { done, abandon } = this.#ask(write, { search, ...(budgetMs === undefined ? {} : { budgetMs }) });
    const whole = done.then((result): LdapResult => {
      if (result.code === 0) return { controls: result.controls, referrals: result.referrals };
      const why = refused(this.server, `to search ${search.baseDn || 'the root'}`, result);
      if (isOutOfService(result.code)) this.#end(why);
      throw why;
    });
    return { done: whole, abandon };
  }

  /** Sends a request, and waits for the message that ends it. */
  #ask(
    write: (id: number) => Buffer,
    { search, budgetMs = this.#settings.budgetMs, isSignOfLife = false }: AskOptions,
  ): { readonly done: Promise<WireResult>; abandon(): void } {
    const id = this.#nextId();
    const done = new Promise<WireResult>((resolve, reject) => {
      if (this.#closedBecause !== undefined) return reject(this.#closedBecause);
      const settle = (outcome: WireResult | Error): void => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const octets = write(id);
      const heardAtMs = this.#clock.now();
      const pending: Pending = { search, referrals: [], settle, isSignOfLife, heardAtMs, budget: undefined };
      this.#pending.set(id, pending);
      this.#grant(id, pending, budgetMs, budgetMs);
      this.#socket.write(octets);
    });
    return { done, abandon: () => this.#abandon(id, abandoned(this.server)) };
  }

  #nextId(): number {
    // RFC 4511 §4.1.1.1: up to 2^31 - 1; an id is long free when its turn comes again.
    this.#lastId = this.#lastId === 0x7fffffff ? 1 : this.#lastId + 1;
    return this.#lastId;
  }

  /** Waits for `ms`, and then either for what is left since the last word about this operation, or no longer. */
  #grant(id: number, pending: Pending, ms: number, budgetMs: number): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    pending.budget = this.#clock.after(ms, () => {
      const leftMs = pending.heardAtMs + budgetMs - this.#clock.now();
      if (leftMs > 0) this.#grant(id, pending, leftMs, budgetMs);
      else this.#silent(id, pending, budgetMs);
    });
  }

  /** One slow operation is given up alone; whether the server is silent altogether is another question, and asked. */
  #silent(id: number, { heardAtMs, isSignOfLife }: Pending, budgetMs: number): void {
    this.#abandon(id, new LdapError('ldap-timeout', `${this.server} did not answer within ${budgetMs} ms`));
    if (isSignOfLife) return;
    this.#unanswered += 1;
    if (this.#unanswered >= mostUnanswered) {
      const what = `${this.#unanswered} requests in a row were not answered within ${budgetMs} ms each`;
      this.#end(new LdapError('ldap-timeout', `${this.server} is silent: ${what}`));
    } else if (this.#heardAtMs <= heardAtMs) this.#probe();
  }

  #watch(ms: number): void {
    if (this.#closedBecause !== undefined) return;
    this.#keepAlive = this.#clock.after(ms, () => {
      const leftMs = this.#heardAtMs + this.#settings.keepAliveMs - this.#clock.now();
      if (leftMs <= 0) this.#probe();
      this.#watch(leftMs > 0 ? leftMs : this.#settings.keepAliveMs);
    });
  }

  #probe(): void {
    if (this.#isProbing || this.#closedBecause !== undefined) return;
    this.#isProbing = true;
    const beganMs = this.#clock.now();
    const write = (id: number): Buffer => writeSearch(id, { ...signOfLife, onEntry: () => undefined });
    const settled = (): void => {
      this.#isProbing = false;
    };
    this.#ask(write, { isSignOfLife: true }).done.then(settled, (error: unknown) => {
      settled();
      if (!(error instanceof LdapError) || error.code !== 'ldap-timeout' || this.#heardAtMs > beganMs) return;
      this.#end(
        new LdapError('ldap-timeout', `${this.server} is silent: no sign of life within ${this.#settings.budgetMs} ms`),
      );
    });
  }

  #abandon(id: number, why: Error): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    this.#socket.write(writeAbandon(this.#nextId(), id));
    pending.settle(why);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    pending.budget?.cancel();
    return pending;
  }

  #received(chunk: Buffer): void {
    let buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    try {
      for (;;) {
        const length = messageLength(buffer);
        if (length === 0 || length > buffer.length || this.#closedBecause !== undefined) break;
        // A part of a message is no word of the server: it may never end.
        this.#heardAtMs = this.#clock.now();
        this.#handle(readResponse(buffer.subarray(0, length)));
        buffer = buffer.subarray(length);
      }
    } catch (error) {
      this.#end(new LdapError('ldap-protocol', `${this.server}: ${(error as Error).message}`));
    }
    this.#rest = this.#closedBecause === undefined ? buffer : empty;
  }

  #handle(response: LdapResponse): void {
    const { messageId } = response;
    if (messageId === noticeOfDisconnection && response.kind === 'result') {
      const { code, diagnostic } = response.result;
      this.#end(new LdapError('ldap-closed', `${this.server} ends the connection: ${tellResult(code, diagnostic)}`));
      return;
    }
    const pending = this.#pending.get(messageId);
    // What comes about an abandoned operation is too late (RFC 4511 §4.11).
    if (pending === undefined) return;
    pending.heardAtMs = this.#heardAtMs;
    if (!pending.isSignOfLife) this.#unanswered = 0;
    if (response.kind === 'references') pending.referrals.push(...response.urls);
    else if (response.kind !== 'result') this.#deliver(messageId, response, pending);
    else this.#take(messageId)?.settle(withReferrals(response.result, pending.referrals));
  }

  #deliver(id: number, response: Exclude<LdapResponse, { kind: 'result' | 'references' }>, { search }: Pending): void {
    try {
      if (response.kind === 'entry') search?.onEntry(response.entry);
      else search?.onIntermediate?.(response.oid, response.value);
    } catch (error) {
      this.#abandon(id, error as Error);
    }
  }

  #end(why: LdapError): void {
    if (this.#closedBecause !== undefined) return;
    this.#closedBecause = why;
    this.#keepAlive?.cancel();
    if (!this.#socket.writableEnded) this.#socket.destroy();
    for (const id of [...this.#pending.keys()]) this.#take(id)?.settle(why);
    for (const listener of this.#closeListeners) listener(why);
  }
}

const withReferrals = (result: WireResult, referrals: readonly string[]): WireResult =>
  referrals.length === 0 ? result : { ...result, referrals: [...referrals, ...result.referrals] };

const refused = (server: string, what: string, { code, diagnostic, referrals }: WireResult): LdapError =>
  new LdapError(
    isOutOfService(code) ? 'ldap-unavailable' : 'ldap-refused',
    `${server} refuses ${what}: ${tellResult(code, diagnostic)}`,
    code,
    referrals,
  );

const abandoned = (server: string): LdapError =>
  new LdapError('ldap-abandoned', `the search on ${server} was abandoned`);
