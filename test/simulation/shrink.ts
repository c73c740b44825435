/** Makes a failing scene smaller as long as it still fails: fewer faults, fewer requests, a quieter network. */
import type { Scene } from './scene.ts';

const most = 200;

/** @param violationsOf what a scene violates; none: it holds */
export async function shrunk(scene: Scene, violationsOf: (scene: Scene) => Promise<readonly string[]>): Promise<Scene> {
  const kind = (violation: string): string => violation.split(':')[0] ?? '';
  const wanted = new Set((await violationsOf(scene)).map(kind));
  let smallest = scene;
  let tried = 0;
  const attempt = async (next: Scene): Promise<boolean> => {
    if (tried >= most) return false;
    tried += 1;
    const fails = (await violationsOf(next)).some((violation) => wanted.has(kind(violation)));
    if (fails) smallest = next;
    return fails;
  };
  await attempt({ ...smallest, network: { mostDelayMs: 2, loss: 0, repeat: 0, cut: 0 } });
  for (const part of ['faults', 'asks'] as const) {
    for (let size = Math.ceil(smallest[part].length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < smallest[part].length; ) {
        const rest = smallest[part].toSpliced(at, size);
        if (!(await attempt({ ...smallest, [part]: rest }))) at += size;
      }
    }
  }
  return smallest;
}
