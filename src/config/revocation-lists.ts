/** The revocation lists of a TLS profile, judged before OpenSSL refuses every peer because of one. */
import type { X509Certificate } from 'node:crypto';
import { inOneLine } from '../certificates/names.ts';
import { type RevocationList, readRevocationLists } from '../certificates/revocation-list.ts';
import { explainText } from '../settings/pem-file.ts';
import type { Path } from '../settings/problem.ts';
import type { Report } from '../settings/report.ts';

/** One file; without text it could not be read, which has been told. */
interface ListFile {
  readonly path: Path;
  readonly text: string | undefined;
  /** Absolute. */
  readonly file: string;
}

interface Judge {
  /** Undefined: they could not be read. */
  readonly authorities: readonly X509Certificate[] | undefined;
  /** Of the setting as a whole. */
  readonly path: Path;
  readonly now: Date;
}

/** @returns whether all of them can be used */
export function checkRevocationLists(files: readonly ListFile[], judge: Judge, report: Report): boolean {
  const isSound = files.map((file) => checkFile(file, judge, report)).every(Boolean);
  if (isSound) warnOfMissing(files, judge, report);
  return isSound;
}

function checkFile({ path, text, file }: ListFile, { authorities, now }: Judge, report: Report): boolean {
  if (text === undefined) return false;
  const lists = readLists(text);
  if (lists.length === 0) {
    const { what, hint } = explainText('revocation-list', text, file);
    report.error(path, what, hint);
  }
  const faults = lists.map((list) => faultOf(list, authorities, now)).filter((fault) => fault !== undefined);
  for (const [what, hint] of faults) report.error(path, what, hint);
  return lists.length > 0 && faults.length === 0;
}

function readLists(text: string): readonly RevocationList[] {
  try {
    return readRevocationLists(text);
  } catch {
    return [];
  }
}

function faultOf(
  list: RevocationList,
  authorities: readonly X509Certificate[] | undefined,
  now: Date,
): readonly [what: string, hint: string] | undefined {
  const { thisUpdate, nextUpdate } = list;
  if (authorities !== undefined && !authorities.some((authority) => list.isOf(authority))) {
    return [
      'no CA of this profile has issued and signed this list',
      "add the CA's certificate to ca, or take the list away",
    ];
  }
  if (now < thisUpdate)
    return [`this list does not count before ${time(thisUpdate)}`, 'or is the clock of this machine wrong?'];
  if (nextUpdate === undefined || now <= nextUpdate) return undefined;
  return [`this list ended on ${time(nextUpdate)}: nobody of its CA would be let in`, 'fetch the new one from the CA'];
}

/** OpenSSL asks for a list of every CA in a chain, the root's included. */
function warnOfMissing(files: readonly ListFile[], { authorities = [], path }: Judge, report: Report): void {
  const lists = files.flatMap(({ text = '' }) => readLists(text));
  for (const authority of lists.length === 0 ? [] : authorities) {
    if (lists.some((list) => list.isOf(authority))) continue;
    const name = inOneLine(authority.subject);
    report.warning(path, `there is no list of ${name}: nobody of this CA is let in`, 'add its list');
  }
}

const time = (date: Date): string => date.toISOString().replace(/\.\d+/, '');
