/** The schema that Live Communications Server and its successors add to a directory, as far as a router and a migration need it. */

interface RtcAttribute {
  readonly name: string;
  readonly oid: string;
  readonly kind: 'text' | 'boolean' | 'integer' | 'dn';
  /** In AD: what a look-up needs; Samba rewrites the whole list of objects with each change of an attribute with few values. */
  readonly isIndexed?: boolean;
}

/** Below 1.2.840.113556.1.6.24.1 the OIDs are the real ones. */
const rtc = (tail: number, name: string, kind: RtcAttribute['kind'], isIndexed = false): RtcAttribute => ({
  name: `msRTCSIP-${name}`,
  oid: `1.2.840.113556.1.6.24.1.${tail}`,
  kind,
  isIndexed,
});

/** OID for an attribute whose real one is not public; the arc is that of Microsoft's script for private OIDs. */
const placeholder = '1.2.840.113556.1.8000.2554.27311.4660.31869.16540.43981.4112271.9114455.1';

const rtcAttributes: readonly RtcAttribute[] = [
  rtc(1, 'PrimaryUserAddress', 'text', true),
  rtc(6, 'UserEnabled', 'boolean'),
  rtc(47, 'TargetHomeServer', 'dn'),
  rtc(57, 'PrimaryHomeServer', 'dn'),
  rtc(67, 'FederationEnabled', 'boolean'),
  rtc(68, 'InternetAccessEnabled', 'boolean'),
  rtc(80, 'ArchivingEnabled', 'integer'),
  rtc(87, 'OptionFlags', 'integer'),
  rtc(88, 'Line', 'text', true),
  // Another product's own, of CTI servers.
  { name: 'ectisrv3UserSipUri', oid: `${placeholder}.99`, kind: 'text', isIndexed: true },
];

/** What AD has by itself and OpenLDAP does not; OIDs of [MS-ADA1] to [MS-ADA3]. */
const adAttributes = `
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName'
	EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.2 NAME 'objectGUID'
	EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl'
	EQUALITY integerMatch ORDERING integerOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses'
	EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.2.141 NAME 'department'
	EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.120 NAME 'uSNChanged'
	EQUALITY integerMatch ORDERING integerOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )`;

const openLdapSyntax = {
  text: 'EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE',
  boolean: 'EQUALITY booleanMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.7 SINGLE-VALUE',
  integer: 'EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE',
  dn: 'EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12 SINGLE-VALUE',
} as const;

/** The attributes that a user or contact may have; without RTC as in a forest that Lync never met. */
const mayHave = (hasRtc: boolean): string =>
  [
    'sAMAccountName objectGUID userAccountControl proxyAddresses uSNChanged mail telephoneNumber department',
    'displayName givenName sn description userPassword',
    ...(hasRtc ? rtcAttributes.map(({ name }) => name) : []),
  ]
    .join(' ')
    .replaceAll(' ', ' $ ');

/** A file for `include` in slapd.conf; needs core, cosine and inetorgperson before it. */
export const openLdapSchema = (hasRtc: boolean): string => `${adAttributes}
${
  hasRtc
    ? rtcAttributes
        .map(({ name, oid, kind }) => `attributetype ( ${oid} NAME '${name}' ${openLdapSyntax[kind]} )`)
        .join('\n')
    : ''
}
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP top STRUCTURAL MUST cn MAY ( ${mayHave(hasRtc)} ) )
objectclass ( 1.2.840.113556.1.5.15 NAME 'contact' SUP top STRUCTURAL MUST cn MAY ( ${mayHave(hasRtc)} ) )
objectclass ( 1.2.840.113556.1.3.23 NAME 'container' SUP top STRUCTURAL MUST cn )
`;

/** attributeSyntax and oMSyntax of [MS-ADTS] 3.1.1.2.2.2. */
const adSyntax = {
  text: 'attributeSyntax: 2.5.5.12\noMSyntax: 64',
  boolean: 'attributeSyntax: 2.5.5.8\noMSyntax: 1',
  integer: 'attributeSyntax: 2.5.5.9\noMSyntax: 2',
  dn: 'attributeSyntax: 2.5.5.1\noMSyntax: 127\noMObjectClass:: KwwCh3McAIVK',
} as const;

const adAttribute = ({ name, oid, kind, isIndexed }: RtcAttribute, suffix: string): string =>
  `dn: CN=${name},CN=Schema,CN=Configuration,${suffix}
changetype: add
objectClass: attributeSchema
cn: ${name}
lDAPDisplayName: ${name}
attributeID: ${oid}
${adSyntax[kind]}
isSingleValued: TRUE
searchFlags: ${isIndexed ? 1 : 0}
isMemberOfPartialAttributeSet: TRUE
`;

export const adSchemaAttributes = (suffix: string): string =>
  rtcAttributes.map((attribute) => adAttribute(attribute, suffix)).join('\n');

/** To be loaded when the attributes are known. */
export const adSchemaClasses = (suffix: string): string =>
  ['User', 'Contact']
    .map(
      (name) => `dn: CN=${name},CN=Schema,CN=Configuration,${suffix}
changetype: modify
add: mayContain
${rtcAttributes.map((attribute) => `mayContain: ${attribute.name}`).join('\n')}
`,
    )
    .join('\n');
