/** Words of commands that people copy into a shell. */

/** What needs no quotes anywhere in a word. */
const bare = /^[\w@%+=:,./-]+$/;

/**
 * One word for a POSIX shell, whatever stands in it. Control characters, which would end the line or speak to the terminal, are
 * written as bash and POSIX 2024 read them: `$'a\nb'`.
 */
export function shellWord(text: string): string {
  if (bare.test(text)) return text;
  if (!/\p{C}/u.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const escaped = text.replace(/[\\']/g, '\\$&').replace(/\p{C}/gu, octalOf);
  return `$'${escaped}'`;
}

const octalOf = (character: string): string =>
  [...Buffer.from(character)].map((octet) => `\\${octet.toString(8).padStart(3, '0')}`).join('');
