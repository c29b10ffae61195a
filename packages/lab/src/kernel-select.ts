/** Which Debian packages make up the kernel that was asked for. Pure. */
import { AppError } from '@holdfast/api/errors.ts';

export interface KernelPackages {
  readonly release: string;
  /** Packages to download: the image (with modules), or from 7.x on the binary and its modules. */
  readonly packages: readonly string[];
}

const FULL_NAME = /^linux-(?:image|binary|modules)-(\d+\.\d+[0-9a-z.+~-]*-cloud-amd64)$/;

/** Numbers of a release such as `6.1.0-56-cloud-amd64` or `6.12.107+deb13-cloud-amd64`, for comparing. */
function releaseNumbers(release: string): number[] {
  return release
    .replace(/-cloud-amd64$/, '')
    .split(/[^0-9]+/)
    .filter((part) => part !== '')
    .map(Number);
}

/** Orders releases as the numbers in them do. */
export function compareReleases(a: string, b: string): number {
  const left = releaseNumbers(a);
  const right = releaseNumbers(b);
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const diff = (left[i] ?? 0) - (right[i] ?? 0);
    if (diff !== 0) return diff;
  }
  return 0;
}

/**
 * Picks the newest signed cloud kernel of a series (`6.1`, `6.12`, `7.2`, `6.12.107`), or the very one named by a full
 * package name or release. Only packages in `names` count; debug and unsigned ones never do. Of the 6.12 kernels that
 * both bookworm-security and trixie carry, the higher `+debNN` wins at the same version.
 * @throws AppError `not_found` listing the series there are.
 */
export function selectKernel(wanted: string, names: readonly string[]): KernelPackages {
  const have = new Set(names);
  const releases = new Set<string>();
  for (const name of names) {
    if (name.includes('-unsigned') || name.endsWith('-dbg')) continue;
    const release = FULL_NAME.exec(name)?.[1];
    if (release !== undefined && (have.has(`linux-image-${release}`) || have.has(`linux-binary-${release}`))) {
      releases.add(release);
    }
  }
  const exact = FULL_NAME.exec(wanted)?.[1] ?? (releases.has(wanted) ? wanted : undefined);
  const series = (release: string): boolean =>
    release.startsWith(`${wanted}.`) || release.startsWith(`${wanted}-`) || release.startsWith(`${wanted}+`);
  const candidates = [...releases].filter((release) => (exact === undefined ? series(release) : release === exact));
  const release = candidates.sort(compareReleases).at(-1);
  if (release === undefined) {
    const known = [
      ...new Set([...releases].sort(compareReleases).map((name) => name.split('.').slice(0, 2).join('.'))),
    ];
    throw new AppError('not_found', `kernel: no Debian cloud kernel matches '${wanted}'`, {
      details: {
        field: 'kernel',
        value: wanted,
        remedy: `choose one of ${known.join(', ')}, or name a linux-image-*-cloud-amd64 package`,
      },
    });
  }
  // The lists of modules and built-in modules, where the image package does not have them.
  const base = have.has(`linux-base-${release}`) ? [`linux-base-${release}`] : [];
  if (have.has(`linux-binary-${release}`)) {
    // 6.19 to 7.1 were split differently: what is not in a modules package is in the image package.
    const modules = have.has(`linux-modules-${release}`) ? `linux-modules-${release}` : `linux-image-${release}`;
    return { release, packages: [`linux-binary-${release}`, modules, ...base] };
  }
  return { release, packages: [`linux-image-${release}`] };
}
