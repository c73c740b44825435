/** Why the transport layer could not open, as one line that says what to do. */
import { RouterError } from '../../router-error.ts';

type ListenErrorCode =
  | 'address-in-use'
  | 'permission-denied'
  | 'address-not-available'
  | 'listen-failed'
  | 'node-name-missing'
  | 'tls-profile-unusable'
  | 'restart-needed';

export class ListenError extends RouterError {
  declare readonly code: ListenErrorCode;
}

interface BindProblem {
  readonly code: ListenErrorCode;
  readonly what: string;
  readonly remedy: string;
}

/** What the system says when a socket cannot be bound, and what the operator can do about it. */
const bindProblems: Record<string, BindProblem> = {
  EADDRINUSE: { code: 'address-in-use', what: 'is in use by another program', remedy: 'stop it' },
  EACCES: {
    code: 'permission-denied',
    what: 'may not be opened by this user',
    remedy: 'give the program CAP_NET_BIND_SERVICE',
  },
  ENOTSUP: {
    code: 'listen-failed',
    what: 'cannot be shared by several workers on this system',
    remedy: 'set workers: 1',
  },
  EADDRNOTAVAIL: {
    code: 'address-not-available',
    what: 'cannot be opened, because this machine does not have the address',
    remedy: 'add the address',
  },
};

/** @param index place of the listener in the configuration, from 0 */
export function bindError(
  error: NodeJS.ErrnoException,
  listen: { readonly transport: string; readonly address: string; readonly port: number },
  index: number,
): ListenError {
  const port = `port ${listen.port}/${listen.transport} on ${listen.address}`;
  const { code, what, remedy } = bindProblems[error.code ?? ''] ?? {
    code: 'listen-failed',
    what: `cannot be opened (${error.message})`,
    remedy: 'remove the cause',
  };
  return new ListenError(code, `${port} ${what}: ${remedy}, or change listen[${index}] in routes.yaml`, {
    cause: error,
  });
}
