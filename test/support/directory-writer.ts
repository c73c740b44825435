/** Writes to a directory, as its administrators do: the router's own client cannot. */
import { Attribute, Change, Client } from 'ldapts';

interface WritableDirectory {
  readonly ldapsUrl: string;
  /** PEM. */
  readonly ca: string;
  readonly tlsName: string;
  readonly writer: { readonly dn: string; readonly password: string };
}

interface DirectoryChange {
  readonly operation: 'add' | 'delete' | 'replace';
  readonly attribute: string;
  readonly values: readonly string[];
}

export interface DirectoryWriter {
  /** Rejects when the server refuses. */
  modify(dn: string, changes: readonly DirectoryChange[]): Promise<void>;
  close(): Promise<void>;
}

/** Whoever opens it closes it. */
export async function openWriter({ ldapsUrl, ca, tlsName, writer }: WritableDirectory): Promise<DirectoryWriter> {
  const client = new Client({ url: ldapsUrl, tlsOptions: { ca, servername: tlsName } });
  await client.bind(writer.dn, writer.password);
  return {
    modify(dn, changes) {
      const list = changes.map(({ operation, attribute, values }) => {
        return new Change({ operation, modification: new Attribute({ type: attribute, values: [...values] }) });
      });
      return client.modify(dn, list);
    },
    close: () => client.unbind(),
  };
}
