/** What has more than one octet a character never becomes the text of a message: it would lose the upper half. */
import { describe, expect, test } from 'vitest';
import { Edit, octetsOnly, respond } from '../../../src/sip-parser/index.ts';
import { request } from './sample.ts';

/** U+010D and U+030A, whose lower octets are CR and LF. */
const wide = 'x\u010d\u030aX-Evil: yes';
const told = 'U+010D in a SIP message: its text is one character per octet';

describe('the text of a message', () => {
  test('of octets stays as it is, all 256 of them', () => {
    const octets = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet)).toString('latin1');
    expect(octetsOnly(octets)).toBe(octets);
    // Of two octets a character in memory, though all of it is octets.
    const [twice = ''] = `${octets}\u{1f600}`.split('\u{1f600}');
    expect(octetsOnly(twice)).toBe(octets);
  });

  test('is no text for any other character', () => {
    for (let unit = 0x100; unit <= 0xffff; unit += 1) {
      expect(() => octetsOnly(`a${String.fromCharCode(unit)}b`)).toThrow(
        `U+${unit.toString(16).toUpperCase().padStart(4, '0')} in a SIP message`,
      );
    }
  });

  test('that is made here takes none: in a reason, a tag, a field', () => {
    expect(() => respond(request(), 404, wide, 'z1')).toThrow(told);
    expect(() => respond(request(), 404, 'Not Found', wide)).toThrow(told);
    expect(() => respond(request(), 404, 'Not Found', 'z1', `Warning: 399 a "${wide}"\r\n`)).toThrow(told);
  });

  test.each<[string, (edit: Edit) => void]>([
    ['Request-URI', (edit) => edit.replaceRequestUri(wide)],
    ['first line', (edit) => edit.insertFirst(`Record-Route: <${wide}>\r\n`)],
    ['last line', (edit) => edit.insertLast(`X: ${wide}\r\n`)],
    ['Route', (edit) => edit.appendRoute(`<${wide}>`)],
    ['Via parameter', (edit) => edit.addViaParams(wide, undefined)],
  ])('that is changed here takes none: in a %s', (_, change) => {
    const edit = new Edit(request());
    change(edit);
    expect(() => edit.toString()).toThrow(told);
  });
});
