/** A file of users, one SIP address a line: who is at home on the Cisco side. */
import { keyOfAddress } from '../routing/user-key.ts';
import { type Problem, Problems, quote } from '../settings/problem.ts';

interface UserList {
  /** Keys of the users, as routing compares them. */
  readonly users: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/**
 * Reads `sip:bob@example.com` or `bob@example.com`, one a line; empty lines and what stands behind `#` are passed over.
 * @param file how the list is named in problems
 */
export function parseUserList(text: string, file: string): UserList {
  const users = new Set<string>();
  const problems = new Problems(file);
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    const written = line.replace(/(^|\s)#.*$/, '').trim();
    if (written === '') continue;
    const key = keyOfAddress(written);
    const place = { line: i + 1, column: line.indexOf(written) + 1 };
    if (key !== undefined) users.add(key);
    else problems.error(place, [], `${quote(written)} is not the address of a user`, 'such as sip:bob@example.com');
  }
  return { users, problems: problems.all() };
}
