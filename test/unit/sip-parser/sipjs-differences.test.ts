import { describe, expect, it } from 'vitest';
import * as sipjs from '../../../src/sip-parser/sipjs.ts';
import { type NpmSip, npmSip } from '../../support/npm-sip.ts';
import { type Difference, differences, throws } from './sipjs-differences.ts';

const ours = sipjs as unknown as NpmSip;

function run({ example }: Difference, sip: NpmSip): unknown {
  try {
    return example(sip);
  } catch {
    return throws;
  }
}

describe('each listed difference from npm sip 0.0.6 exists', () => {
  it.each(differences.map((difference) => [difference.name, difference] as const))('%s', (_name, difference) => {
    expect(run(difference, npmSip)).toEqual(difference.npmSip);
    expect(run(difference, ours)).toEqual(difference.ours);
    expect(difference.ours).not.toEqual(difference.npmSip);
  });
});
