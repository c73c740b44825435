/** What a conformance check is, and how a table of them becomes tests against one router. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { RawMessage } from '../support/raw-message.ts';
import type { WorldOptions } from './routes-text.ts';
import { World } from './world.ts';

/** One statement of a specification about a proxy, as its peers can see it. */
export interface Check {
  /** Never reused. */
  readonly id: string;
  /** `3261`, or a name of this product's own rule. */
  readonly rfc: number | string;
  readonly section: string;
  readonly level: 'MUST' | 'SHOULD' | 'MAY' | 'product';
  /** What holds, as a sentence. */
  readonly title: string;
  readonly run: (world: World) => Promise<void>;
}

const nameOf = ({ id, rfc, section, level, title }: Check): string =>
  `${id} (${typeof rfc === 'number' ? `RFC ${rfc} §${section}` : rfc}, ${level}): ${title}`;

/**
 * One router for all the checks of a file. They run at the same time, each in a talk of its own: waiting is most of what
 * they do.
 */
export function conformance(theme: string, options: WorldOptions, checks: readonly Check[]): void {
  vi.setConfig({ maxConcurrency: 50 });
  describe(theme, () => {
    let world: World;
    beforeAll(async () => {
      world = await World.start(options);
      return async () => expect(await world.stop(), world.router.output).toBe(0);
    });
    for (const check of checks) test.concurrent(nameOf(check), () => check.run(world));
  });
}

const headOf = (text: string): string => text.slice(0, text.indexOf('\r\n\r\n'));

/** Header fields as they were written, folded lines and all. */
const fieldsOf = (text: string): string[] => headOf(text).split(/\r\n(?![ \t])/);

const isProxyOwned = (field: string): boolean =>
  /^(?:via|v|route|record-route|max-forwards|max-breadth)[ \t]*:/i.test(field);

const isContentLength = (field: string): boolean => /^(?:content-length|l)[ \t]*:/i.test(field);

/** Every octet that RFC 3261 §16.6 does not name is as it was sent: order, case, spacing, folding, body. */
export function expectUntouched(sent: RawMessage, forwarded: RawMessage): void {
  const kept = (message: RawMessage) => fieldsOf(message.text).filter((field) => !isProxyOwned(field));
  const hasLength = kept(sent).some(isContentLength);
  expect(kept(forwarded).filter((field) => hasLength || !isContentLength(field))).toEqual(kept(sent));
  expect(forwarded.body).toBe(sent.body);
}

/** A response differs only in the Via value that the router takes away (§16.7 step 3). */
export function expectResponseUntouched(sent: RawMessage, relayed: RawMessage): void {
  const kept = (message: RawMessage) => fieldsOf(message.text).filter((field) => !/^(?:via|v)[ \t]*:/i.test(field));
  expect(kept(relayed)).toEqual(kept(sent));
  expect(relayed.body).toBe(sent.body);
}
