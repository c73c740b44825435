/** Referrals are text of a server: whatever it is, it is followed or refused as one. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LdapError } from '../../../../src/directory/ldap/ldap.ts';
import { ReferralFollower } from '../../../../src/directory/ldap/referrals.ts';
import { anyText } from '../../../support/any-text.ts';

const search = { baseDn: 'DC=x', filter: '(a=b)', attributes: [], onEntry: () => undefined };

/** Nobody can be reached. */
const follower = () =>
  new ReferralFollower({
    openReferral: (server: string) => Promise.reject(new LdapError('ldap-unreachable', `no way to ${server}`)),
  } as ConstructorParameters<typeof ReferralFollower>[0]);

test.each([
  ['%zz is an escape that is none', 'ldap://dc2.example.com/DC=%zz', 'has an escape that is none'],
  ['%C3 alone is no character', 'ldap://dc2.example.com/CN=%C3', 'has an escape that is none'],
  ['no URL', 'dc2.example.com', 'is no URL'],
  ['a good one', 'ldap://dc2.example.com/DC=y', 'no way to ldap://dc2.example.com'],
])('%s', (_, referral, told) =>
  expect(follower().follow([referral], search)).rejects.toMatchObject({ message: expect.stringContaining(told) }),
);

test.each([
  'ldaps://ForestDnsZones.example.com/DC=ForestDnsZones,DC=example,DC=com',
  'ldaps://DomainDnsZones.example.com/dc=domaindnszones, DC=example,DC=com',
  'ldaps://example.com/CN=Configuration,DC=example,DC=com',
])('%s leads to no user: it is passed over', (referral) =>
  expect(follower().follow([referral], { ...search, baseDn: 'DC=example,DC=com' })).resolves.toBeUndefined(),
);

test('a child domain is followed, and so is a part in which the source itself searches', async () => {
  const child = follower().follow(['ldaps://sub.example.com/DC=sub,DC=example,DC=com'], search);
  await expect(child).rejects.toMatchObject({ message: 'no way to ldaps://sub.example.com' });
  const baseDn = 'CN=Services,CN=Configuration,DC=example,DC=com';
  const own = follower().follow(['ldaps://dc2.example.com/CN=Configuration,DC=example,DC=com'], { ...search, baseDn });
  await expect(own).rejects.toMatchObject({ message: 'no way to ldaps://dc2.example.com' });
});

test('any text ends in words of ours', () =>
  fc.assert(
    fc.asyncProperty(anyText, fc.constantFrom('', 'ldap://a.example.com/', 'ldap://'), async (text, start) => {
      await expect(follower().follow([start + text], search)).rejects.toBeInstanceOf(LdapError);
    }),
  ));
