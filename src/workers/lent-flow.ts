/** A connection of another worker on which a message arrived for an INVITE of this worker. */
import type { MessagePort } from 'node:worker_threads';
import type { MemoryAccount } from '../sip/memory-budget.ts';
import type { Flow, Listener } from '../sip/transport/flow.ts';
import { FlowUsers } from '../sip/transport/flow-users.ts';
import type { LentFlowView, Passed } from './passed.ts';

export const viewOf = (flow: Flow): LentFlowView => {
  const { transport, isReliable, localAddress, localPort, remoteAddress, remotePort, verifiedNames, maxOctets } = flow;
  const listener = { ...flow.listener };
  return {
    transport,
    isReliable,
    localAddress,
    localPort,
    remoteAddress,
    remotePort,
    listener,
    verifiedNames: [...verifiedNames],
    maxOctets,
  };
};

type AccountOf = (address: string) => MemoryAccount;

export class LentFlow implements Flow {
  readonly transport: Flow['transport'];
  readonly isReliable: boolean;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly listener: Listener;
  readonly verifiedNames: readonly string[];
  readonly maxOctets: number;
  /** Always, here: the worker that owns it handles its end, and knows where else an answer may go. */
  readonly state = 'open';
  readonly isEnding = false;
  readonly users = new FlowUsers();
  readonly #loan: number;
  readonly #lender: Pick<MessagePort, 'postMessage'>;
  readonly #accountOf: AccountOf;
  #account: MemoryAccount | undefined;
  #owed = 0;

  /**
   * @param loan by which its worker knows it
   * @param accountOf here, by address
   */
  constructor(view: LentFlowView, loan: number, lender: Pick<MessagePort, 'postMessage'>, accountOf: AccountOf) {
    this.transport = view.transport;
    this.isReliable = view.isReliable;
    this.localAddress = view.localAddress;
    this.localPort = view.localPort;
    this.remoteAddress = view.remoteAddress;
    this.remotePort = view.remotePort;
    this.listener = view.listener;
    this.verifiedNames = view.verifiedNames;
    this.maxOctets = view.maxOctets;
    this.#loan = loan;
    this.#lender = lender;
    this.#accountOf = accountOf;
  }

  get account(): MemoryAccount {
    if (this.#account?.isListed !== true) this.#account = this.#accountOf(this.remoteAddress);
    return this.#account;
  }

  /** Its worker is told when nothing is owed any more. */
  owe(change: 1 | -1): void {
    this.#owed += change;
    if (this.#owed === 0) this.#tell({ kind: 'settled', loan: this.#loan });
  }

  send(text: string): void {
    this.#tell({ kind: 'answer', loan: this.#loan, text });
  }

  #tell(passed: Passed): void {
    this.#lender.postMessage(passed);
  }
}
