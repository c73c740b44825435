/**
 * Open addressing with linear probing, for all tables whose keys peers or directories choose: an entry stands at its
 * home slot, or in the first free one after it, so that a search ends at a free slot. The number of slots is a power of two.
 *
 * | Table | Holds | Deletes | Written by |
 * |---|---|---|---|
 * | `sip/transaction/key-table` | transactions by key, as objects; grows | one by one | its thread |
 * | `directory/answer-index` | 24 octets for each cached answer; of a fixed size | one by one | its thread |
 * | `directory/table/user-records` | users of a snapshot, in shared memory; grows | never, a new table is made | one thread, read by all |
 * | `routing/loops/loop-memory` | requests seen lately, in shared memory; of a fixed size | all at once | all threads |
 */

/** @param mask number of slots less 1 */
export const nextSlot = (slot: number, mask: number): number => (slot + 1) & mask;

/**
 * A deletion leaves no mark, but moves later entries back (Knuth, TAOCP vol. 3, 6.4, algorithm R).
 * @param home of the entry in `slot`, which comes after `hole`
 * @returns whether it may move to the hole: not past the slot where its search begins
 */
export const mayFill = (hole: number, slot: number, home: number, mask: number): boolean =>
  ((slot - home) & mask) >= ((slot - hole) & mask);
