import { AppError } from '@holdfast/api/errors.ts';
import type { DrbdConfig } from '../../ports/drbd.ts';
import type { Files } from '../../ports/files.ts';
import { type ConfigHeader, checkConfig, parseHeader } from './config-file.ts';

/**
 * Resource files of ours: `<stateDir>/drbd.d/<resource>.res`, 0600 for the shared secret, each complete in itself so
 * that `drbdadm -c` parses one resource, not all of them. `minor-<N>` beside them names the resource of a minor for the
 * fence helper, which may be called with either. Nothing in /etc is used.
 */
export interface ConfigStore {
  readonly dir: string;
  file(resource: string): string;
  write(config: DrbdConfig, text: string): Promise<boolean>;
  /** Reads only. `stale` also when the minor's map is missing. */
  compare(config: DrbdConfig, text: string): Promise<'current' | 'stale' | 'absent'>;
  remove(resource: string): Promise<void>;
  names(): Promise<string[]>;
  /** `undefined` when there is no file of ours. Kept in memory: this process is the only writer. */
  header(resource: string): Promise<ConfigHeader | undefined>;
  /** @throws AppError `failed_precondition` when the resource has no file. */
  require(resource: string): Promise<ConfigHeader>;
}

export const PREFIX = 'hf-';

export function createConfigStore(files: Files, stateDir: string): ConfigStore {
  const dir = `${stateDir}/drbd.d`;
  const headers = new Map<string, ConfigHeader>();
  const file = (resource: string): string => `${dir}/${resource}.res`;
  const minorFile = (minor: number): string => `${dir}/minor-${minor}`;

  async function header(resource: string): Promise<ConfigHeader | undefined> {
    const cached = headers.get(resource);
    if (cached !== undefined) return cached;
    const text = await files.read(file(resource));
    const parsed = text === undefined ? undefined : parseHeader(text);
    if (parsed !== undefined) headers.set(resource, parsed);
    return parsed;
  }

  return {
    dir,
    file,
    header,
    async require(resource) {
      const found = await header(resource);
      if (found !== undefined) return found;
      throw new AppError('failed_precondition', `DRBD resource ${resource} has no resource file in ${dir}`, {
        details: {
          field: 'resource',
          value: resource,
          reason: 'NoResourceFile',
          remedy: 'write its configuration first',
        },
      });
    },
    async write(config, text) {
      checkConfig(config);
      if (!config.resource.startsWith(PREFIX))
        throw new AppError('invalid_argument', `resource ${config.resource} does not start with ${PREFIX}`, {
          details: { field: 'resource', value: config.resource, remedy: `use ${PREFIX}<volume>` },
        });
      const old = await files.read(file(config.resource));
      const oldMinor = old === undefined ? undefined : parseHeader(old)?.minor;
      // The map first: a helper that the kernel calls in between must already find itself responsible.
      const mapped = (await files.read(minorFile(config.minor))) === config.resource;
      if (!mapped) await files.write(minorFile(config.minor), config.resource, 0o600);
      if (old !== text) await files.write(file(config.resource), text, 0o600);
      if (oldMinor !== undefined && oldMinor !== config.minor) await files.remove(minorFile(oldMinor));
      const parsed = parseHeader(text);
      if (parsed !== undefined) headers.set(config.resource, parsed);
      return old !== text || !mapped;
    },
    async compare(config, text) {
      const old = await files.read(file(config.resource));
      if (old === undefined) return 'absent';
      return old === text && (await files.read(minorFile(config.minor))) === config.resource ? 'current' : 'stale';
    },
    async remove(resource) {
      const found = await header(resource);
      headers.delete(resource);
      await files.remove(file(resource));
      if (found !== undefined && (await files.read(minorFile(found.minor))) === resource)
        await files.remove(minorFile(found.minor));
    },
    async names() {
      return (await files.list(dir))
        .filter((name) => name.startsWith(PREFIX) && name.endsWith('.res'))
        .map((name) => name.slice(0, -'.res'.length))
        .sort();
    },
  };
}
