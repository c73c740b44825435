/** JSON Schema of routes.yaml, for editors: what may stand there, with the words of the manual. */
import { describeSchema } from './manual.ts';
import { routesFile } from './shape.ts';

/**
 * Whatever the router takes, the schema allows; what settings mean together, and the forms of names and addresses, only `check`
 * judges.
 * @param manual the text of the shipped routes.yaml
 */
export const routesSchema = (manual: string): object => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'routes.yaml of pif-router',
  ...describeSchema(routesFile.schema ?? {}, manual),
});
