/** Method names: the usual ones are one string each, for whoever compares or keeps them. */
import { isToken } from './syntax.ts';

const USUAL = [
  'ACK',
  'BENOTIFY',
  'BYE',
  'CANCEL',
  'INFO',
  'INVITE',
  'MESSAGE',
  'NOTIFY',
  'OPTIONS',
  'PRACK',
  'PUBLISH',
  'REFER',
  'REGISTER',
  'SERVICE',
  'SUBSCRIBE',
  'UPDATE',
];

/** By length and first letter: no two of them are alike in both. */
const PLACES = placesOf(USUAL);

function placeOf(length: number, firstCode: number): number {
  return (length << 5) | (firstCode & 31);
}

function placesOf(methods: readonly string[]): readonly string[] {
  const places: string[] = new Array(16 << 5).fill('');
  for (const method of methods) places[placeOf(method.length, method.charCodeAt(0))] = method;
  return places;
}

/** The method that stands at `[start, end)`; undefined when that is no token. */
export function readMethod(text: string, start: number, end: number): string | undefined {
  const length = end - start;
  const usual = length < 16 ? PLACES[placeOf(length, text.charCodeAt(start))]! : '';
  if (usual !== '' && text.startsWith(usual, start)) return usual;
  const method = text.slice(start, end);
  return isToken(method) ? method : undefined;
}
