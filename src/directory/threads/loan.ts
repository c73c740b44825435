/** What one thread gives to another so that both answer alike: tables to read, news of them, and whom to ask for the rest. */
import type { MessagePort } from 'node:worker_threads';
import type { DirectoryAnswer } from '../../routing/types.ts';
import type { CacheSettings } from '../cached.ts';
import type { DirectoryDescription } from '../directory.ts';
import type { SnapshotSettings } from '../sync/snapshot-settings.ts';
import type { SyncNews } from '../sync/status.ts';
import type { SharedTable } from '../table/user-records.ts';

/** Plain values; `port` goes along as a transferred object. */
export interface Loan {
  /** In the order in which they count. */
  readonly sources: readonly LentSource[];
  readonly cache: CacheSettings;
  readonly port: MessagePort;
}

export type LentSource = DirectoryDescription &
  (
    | { readonly kind: 'table'; readonly table: SharedTable }
    | {
        readonly kind: 'snapshot';
        readonly settings: SnapshotSettings;
        readonly news: SyncNews;
        /** Where it cannot tell, the lender may. */
        readonly mayAsk: boolean;
      }
    /** Only the lender has connections and slots, so that what servers are asked stays bounded for all threads together. */
    | { readonly kind: 'asked' }
  );

/** @param source its place in the loan */
export interface Question {
  readonly id: number;
  readonly source: number;
  readonly key: string;
}

export type FromLender =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: DirectoryAnswer }
  | { readonly kind: 'news'; readonly source: number; readonly news: SyncNews }
  | {
      readonly kind: 'table';
      readonly source: number;
      readonly table: SharedTable;
      readonly description: DirectoryDescription;
    };
