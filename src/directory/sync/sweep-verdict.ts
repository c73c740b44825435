/** What becomes of a sweep that has come to its end: it is put in force, or held back until an operator confirms its loss. */
import { disbelief, foundNobody, foundNobodyEnabled, isBlind } from './belief.ts';
import type { SweepNotes } from './report.ts';
import type { Loss, Tables } from './tables.ts';
import type { UserSource } from './user-source.ts';

interface SweepVerdict {
  /** For people, why it is held back; undefined: it is put in force. */
  readonly whyHeld: string | undefined;
  readonly loss: Loss;
  /** It is held back because nobody shows who is enabled. */
  readonly isBlind: boolean;
}

export class SweepJudge {
  #believesLoss = false;
  /** The last sweep was held back: an operator has seen whom it would drop, and may confirm that. */
  #isLossShown = false;

  /** The next sweep is put in force if it drops nobody but those whom the one that was held back would have. */
  believeLoss(): void {
    this.#believesLoss = true;
  }

  /** @throws LdapError where nobody has been known so far, and the sweep is not believed */
  judge(notes: SweepNotes, tables: Tables, source: UserSource, maxLoss: number): SweepVerdict {
    const isFirst = tables.current === undefined;
    if (notes.objects === 0 && isFirst) throw foundNobody(source);
    const loss = tables.loss();
    const blindness = isBlind(notes, source) ? foundNobodyEnabled(notes, source) : undefined;
    if (blindness !== undefined && isFirst) throw blindness;
    const isConfirmed = this.#believesLoss && this.#isLossShown && loss.unshown === 0;
    const isAllDisabled = blindness !== undefined && loss.disabled > 0;
    const disbelieved = isAllDisabled ? blindness.message : disbelief(notes.objects, loss, maxLoss);
    const whyHeld = isConfirmed ? undefined : disbelieved;
    // Once: what was confirmed was this sweep or none.
    this.#believesLoss = false;
    this.#isLossShown = whyHeld !== undefined;
    return { whyHeld, loss, isBlind: isAllDisabled && whyHeld !== undefined };
  }
}
