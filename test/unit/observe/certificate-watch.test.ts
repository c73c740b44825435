/** When the log is told of certificates: at each look, a minute later when next hops have shown theirs, and then once a day. */
import { expect, test } from 'vitest';
import type { CertificateInUse } from '../../../src/certificates/in-use.ts';
import { watchCertificates } from '../../../src/observe/certificate-watch.ts';
import { createLog } from '../../../src/observe/log.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const dayMs = 86_400_000;

const endingIn = (days: number, where: string): CertificateInUse => ({
  use: 'own',
  where,
  subject: `CN=${where}`,
  validFromDate: new Date(0),
  // Half a day more, for the clock of the machine goes on.
  validToDate: new Date(Date.now() + (days + 0.5) * dayMs),
});

function watching(certificates: readonly CertificateInUse[]) {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', { write: (line) => void lines.push(JSON.parse(line)) });
  const clock = new ManualClock();
  const watch = watchCertificates({
    clock,
    log,
    certificates: () => certificates,
    warnBeforeMs: () => 30 * dayMs,
  });
  return { clock, watch, lines, told: () => lines.splice(0).map(({ level, msg }) => `${level} ${msg}`) };
}

test('one that ends within the time is a warning, one that has ended an error, any other nothing', () => {
  const { watch, told, lines } = watching([endingIn(10, 'soon'), endingIn(-2, 'over'), endingIn(40, 'well')]);
  watch.look();
  expect(lines[0]).toMatchObject({ event: 'certificate-ends', use: 'own', where: 'soon', subject: 'CN=soon' });
  expect(told()).toEqual([
    expect.stringMatching(/^warn the certificate of CN=soon \(soon\) ends on \S+, in 10 days$/),
    expect.stringMatching(/^error the certificate of CN=over \(over\) ended on \S+$/),
  ]);
});

test('a revocation list, which lives for days only, is a warning in the last tenth of its life, at least a day before its end', () => {
  const list = (livesDays: number, endsInDays: number, where: string): CertificateInUse => {
    const { validToDate, ...rest } = endingIn(endsInDays, where);
    const validFromDate = new Date(validToDate.getTime() - livesDays * dayMs);
    return { ...rest, use: 'revocation-list', validFromDate, validToDate };
  };
  const { watch, told } = watching([
    list(7, 1, 'weekly'),
    list(7, 0, 'weekly, at its end'),
    list(90, 9, 'quarterly'),
    list(90, 8, 'quarterly, at its end'),
    list(7, -2, 'over'),
  ]);
  watch.look();
  expect(told()).toEqual([
    expect.stringMatching(/^warn the revocation list of CN=weekly, at its end \(.*\) ends on \S+, in 0 days$/),
    expect.stringMatching(/^warn the revocation list of CN=quarterly, at its end \(.*\) ends on \S+, in 8 days$/),
    expect.stringMatching(/^error the revocation list of CN=over \(over\) ended on \S+$/),
  ]);
});

test('a minute later again, for peers have connected by then, and from then on once a day', () => {
  const { clock, watch, told } = watching([endingIn(10, 'soon')]);
  watch.look();
  expect(told()).toHaveLength(1);
  clock.advance(60_000);
  expect(told()).toHaveLength(1);
  clock.advance(dayMs - 1);
  expect(told()).toHaveLength(0);
  clock.advance(1);
  expect(told()).toHaveLength(1);
  watch.stop();
  clock.advance(2 * dayMs);
  expect(told()).toHaveLength(0);
});
