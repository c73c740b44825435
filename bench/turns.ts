/** Turns as the commands of the bench take them: what warms up, and which count. */
import type { Measured } from './bed.ts';
import type { Pace } from './load/load.ts';
import type { Program } from './programs/program.ts';

export type PacedSeconds = Pace & { readonly seconds: number };

export const lostMs = 2_000;

/**
 * First one by one, while connections to the far side are opened; then until V8 has compiled what is hot. Each rate has its own,
 * since one message at a time goes other ways through Node than many do.
 */
export const warmUpsOf = (pace: Pace): readonly PacedSeconds[] =>
  'rate' in pace
    ? [{ ...pace, seconds: 3 }]
    : [
        { outstanding: 1, seconds: 0.3 },
        { ...pace, seconds: 6 },
      ];

/** A program answers nothing any more. */
export class Silence extends Error {
  readonly program: string;

  constructor(program: string) {
    super(`${program} has answered no request`);
    this.program = program;
  }
}

/**
 * A turn in which a program refused what it should forward measures something else.
 * @throws Silence when it has answered nothing
 */
export function sound({ name }: Program, turn: Measured): Measured {
  if (turn.refused > 0) throw new Error(`${name} refused ${turn.refused} requests, the first with:\n${turn.refusal}`);
  if (turn.answered === 0) throw new Silence(name);
  return turn;
}
