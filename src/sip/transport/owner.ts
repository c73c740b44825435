/** The address as far as one owner goes: of IPv6 the first 64 bits, for one host has all the rest (RFC 4291 §2.5.1). */
export const ownerOf = (address: string): string => {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const front = head.split(':');
  const isWhole = tail === undefined || front.length >= 4;
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = isWhole ? front : [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back];
  return groups
    .slice(0, 4)
    .map((group) => group || '0')
    .join(':');
};
