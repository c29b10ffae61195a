import { AppError } from '@holdfast/api/errors.ts';
import { parse } from 'yaml';
import * as z from 'zod';
import type { HttpTransportOptions } from './transport.ts';

const clusterEntry = z.object({
  name: z.string(),
  cluster: z.object({
    server: z.string().min(1),
    'certificate-authority-data': z.string().optional(),
    'certificate-authority': z.string().optional(),
    'insecure-skip-tls-verify': z.boolean().optional(),
    'tls-server-name': z.string().optional(),
  }),
});

const userEntry = z.object({
  name: z.string(),
  user: z.object({
    token: z.string().optional(),
    tokenFile: z.string().optional(),
    'client-certificate-data': z.string().optional(),
    'client-certificate': z.string().optional(),
    'client-key-data': z.string().optional(),
    'client-key': z.string().optional(),
    username: z.unknown().optional(),
    exec: z.unknown().optional(),
    'auth-provider': z.unknown().optional(),
  }),
});

const kubeconfig = z.object({
  'current-context': z.string().optional(),
  clusters: z.array(clusterEntry).nullish(),
  users: z.array(userEntry).nullish(),
  contexts: z
    .array(
      z.object({
        name: z.string(),
        context: z.object({ cluster: z.string(), user: z.string().default(''), namespace: z.string().optional() }),
      }),
    )
    .nullish(),
});

export interface KubeconfigOptions {
  /** Instead of `current-context`. */
  readonly context?: string;
  /** Reads a file that the kubeconfig names (certificates, token). Absent: such forms are refused. */
  readonly readFile?: (path: string) => string;
}

/** What a transport and a client need to know. */
export interface ClusterAccess {
  readonly transport: HttpTransportOptions;
  readonly token: string | undefined;
  readonly namespace: string | undefined;
}

/**
 * Reads the basic forms of a kubeconfig: server, authority, token or client certificate, inline or as files.
 * @throws AppError `invalid_argument` naming what is missing, malformed or not supported (exec plugins, auth providers,
 * passwords, switched-off TLS checks). The message never holds a credential (INV-9).
 */
export function loadKubeconfig(text: string, options: KubeconfigOptions = {}): ClusterAccess {
  let raw: unknown;
  try {
    raw = parse(text);
  } catch {
    // The parser's message quotes the text, which holds credentials.
    throw refused('', 'it is not valid YAML', 'give a kubeconfig file');
  }
  const parsed = kubeconfig.safeParse(raw);
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path.join('.') ?? '';
    throw refused(path, 'it is missing or has the wrong type', 'correct it');
  }
  const config = parsed.data;
  const wanted = options.context ?? config['current-context'] ?? '';
  const context = pick('contexts', config.contexts, wanted).context;
  const cluster = pick('clusters', config.clusters, context.cluster).cluster;
  const user = context.user === '' ? undefined : pick('users', config.users, context.user).user;

  if (cluster['insecure-skip-tls-verify'] === true) {
    throw refused(
      'insecure-skip-tls-verify',
      'an unchecked server could be anybody',
      'give certificate-authority-data',
    );
  }
  for (const form of ['exec', 'auth-provider', 'username'] as const) {
    if (user?.[form] !== undefined) {
      throw refused(
        `users.user.${form}`,
        'this way of logging in is not supported',
        'use a token or a client certificate',
      );
    }
  }

  const file = (field: string, path: string | undefined): string | undefined => {
    if (path === undefined) return undefined;
    if (options.readFile === undefined) throw refused(field, 'files are not read here', `use ${field}-data`);
    return options.readFile(path);
  };
  const inline = (data: string | undefined): string | undefined =>
    data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');

  const cert = inline(user?.['client-certificate-data']) ?? file('client-certificate', user?.['client-certificate']);
  const key = inline(user?.['client-key-data']) ?? file('client-key', user?.['client-key']);
  if ((cert === undefined) !== (key === undefined)) {
    throw refused('users.user.client-key', 'certificate and key must come together', 'give both');
  }
  return {
    transport: {
      server: cluster.server,
      ca:
        inline(cluster['certificate-authority-data']) ??
        file('certificate-authority', cluster['certificate-authority']),
      cert,
      key,
      tlsServerName: cluster['tls-server-name'],
    },
    token: user?.token ?? file('tokenFile', user?.tokenFile)?.trim(),
    namespace: context.namespace,
  };
}

function pick<T extends { name: string }>(list: string, entries: readonly T[] | null | undefined, name: string): T {
  const entry = entries?.find((candidate) => candidate.name === name);
  if (entry !== undefined) return entry;
  const known = (entries ?? []).map((candidate) => candidate.name).join(', ');
  throw refused(list, `there is no '${name}'${known === '' ? '' : ` (there are: ${known})`}`, 'name one that exists');
}

function refused(field: string, why: string, remedy: string): AppError {
  const where = field === '' ? '' : ` ${field}:`;
  return new AppError('invalid_argument', `kubeconfig:${where} ${why}; ${remedy}`, {
    details: { ...(field === '' ? {} : { field }), remedy },
  });
}
