/** What a server's refusal means, in an administrator's words (RFC 4511 §4.1.9 and appendix A.2). */

const meanings: ReadonlyMap<number, string> = new Map([
  [1, 'operationsError'],
  [2, 'protocolError'],
  [3, 'timeLimitExceeded: the search takes longer than the server allows'],
  [4, 'sizeLimitExceeded: there are more entries than the server gives at once'],
  [7, 'authMethodNotSupported'],
  [8, 'strongerAuthRequired: the server wants LDAPS or StartTLS'],
  [10, 'referral: another server holds this part of the directory'],
  [11, 'adminLimitExceeded: page-size is larger than the server allows'],
  [12, 'unavailableCriticalExtension: the server lacks a control that is needed'],
  [13, 'confidentialityRequired: the server wants LDAPS or StartTLS'],
  [16, 'noSuchAttribute'],
  [20, 'attributeOrValueExists'],
  [21, 'invalidAttributeSyntax'],
  [32, 'noSuchObject: there is no such base DN, or it may not be read'],
  [34, 'invalidDNSyntax'],
  [49, 'invalidCredentials: the bind DN or its password is wrong'],
  [50, 'insufficientAccessRights'],
  [51, 'busy'],
  [52, 'unavailable'],
  [53, 'unwillingToPerform'],
  [80, 'other'],
  [68, 'entryAlreadyExists'],
]);

/** Active Directory says more than code 49 in its text, as `data 52e`; the numbers are those of Windows (winerror.h). */
const adBindMeanings: ReadonlyMap<string, string> = new Map([
  ['525', 'there is no such account'],
  ['52e', 'the password is wrong'],
  [
    '52f',
    'a restriction of the account forbids this log-on: look at its logon hours, workstations and authentication policy',
  ],
  ['530', 'the account may not log on at this time: look at its logon hours'],
  ['531', 'the account may not log on from here: look at "Log On To" of the account'],
  ['532', 'the password has expired: set a new one, and let it never expire for this account'],
  [
    '534',
    'the account has not been granted this type of log-on: look at the user rights in the policy of the controllers',
  ],
  ['568', 'the account is in too many groups for one token: take it out of some'],
  ['533', 'the account is disabled'],
  ['701', 'the account has expired'],
  ['773', 'the password must be changed first'],
  ['775', 'the account is locked out'],
  [
    '80090346',
    'channel binding is missing or wrong (SEC_E_BAD_BINDINGS): this router offers none, so LdapEnforceChannelBinding of the controller must not be 2',
  ],
]);

/** Registry value LDAPServerIntegrity 2, "LDAP server signing requirements: Require signing". */
const wantsSigning = 'it requires signing (LDAPServerIntegrity): use ldaps:// or start-tls, which satisfy it';

export const resultCodes = {
  sizeLimitExceeded: 4,
  referral: 10,
  noSuchObject: 32,
  invalidDnSyntax: 34,
  invalidCredentials: 49,
} as const;

/** `sizeLimitExceeded: ... (4)`, with what the server itself said. */
export function tellResult(code: number, diagnostic: string): string {
  const [, subCode = ''] = /\bdata ([0-9a-f]+)/i.exec(diagnostic) ?? [];
  const adMeaning = code === resultCodes.invalidCredentials ? adBindMeanings.get(subCode.toLowerCase()) : undefined;
  if (adMeaning !== undefined) return `invalidCredentials: ${adMeaning} (49, data ${subCode})`;
  if (code === 8 && /integrity checking|signing/i.test(diagnostic)) return `strongerAuthRequired: ${wantsSigning} (8)`;
  const said =
    diagnostic === '' ? '' : `; the server says ${JSON.stringify(diagnostic.replace(/\0$/, '').slice(0, 200))}`;
  return `${meanings.get(code) ?? 'a refusal'} (${code})${said}`;
}
