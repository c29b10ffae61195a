import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@holdfast/api/errors.ts';
import { execFailure } from '../../src/adapters/exec/failure.ts';
import { LVM_CONFIG } from '../../src/adapters/lvm/config.ts';
import type { Exec } from '../../src/ports/exec.ts';

/** One run of a real program. The long LVM configuration is written as `<config>`. */
export interface Transcript {
  readonly argv: readonly string[];
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Keeps every run of a program that ended by itself. */
export function recording(exec: Exec, transcripts: Transcript[]): Exec {
  return {
    async run(request) {
      const argv = request.argv.map((word) => (word === LVM_CONFIG ? '<config>' : word));
      try {
        const result = await exec.run(request);
        transcripts.push({ argv, code: result.code, stdout: result.stdout, stderr: result.stderr });
        return result;
      } catch (error) {
        const failure = execFailure(error);
        if (failure !== undefined) {
          const { exitCode, stdout, stderr } = failure;
          transcripts.push({ argv, code: exitCode ?? -1, stdout, stderr });
        }
        throw error;
      }
    },
    lines: (request) => exec.lines(request),
  };
}

/** Of many runs, those that teach something: the first of each command and outcome, and every kind of report. */
export function remarkable(transcripts: readonly Transcript[]): Transcript[] {
  const seen = new Set<string>();
  return transcripts.filter((transcript) => {
    const key = JSON.stringify([nameOf(transcript), transcript.code, outcomeOf(transcript)]);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** `lvm-lvcreate`, `blkid`. */
export function nameOf({ argv }: Transcript): string {
  return argv[0] === 'lvm' || argv[0] === 'dmsetup' || argv[0] === 'btrfs' ? `${argv[0]}-${argv[1]}` : `${argv[0]}`;
}

/** What makes one run different from another: the message without names and numbers, or the shape of a report. */
function outcomeOf({ stdout, stderr, code, argv }: Transcript): string {
  if (argv[1] === 'fullreport' && code === 0) {
    return [...stdout.matchAll(/"(?:vg_attr|lv_attr|lv_health_status|pv_in_use|pv_missing)":"([^"]*)"/g)].join();
  }
  return (code === 0 ? '' : stderr).replaceAll(/"[^"]*"|'[^']*'|\/\S+|\d+/g, '*');
}

/** Writes `<dir>/<nn>-<name>-<code>.json`, in the order of recording, in place of what was there. */
export async function writeTranscripts(dir: string, transcripts: readonly Transcript[]): Promise<void> {
  if (transcripts.length === 0) throw new AppError('internal', 'nothing was recorded');
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  for (const [index, transcript] of transcripts.entries()) {
    const number = String(index + 1).padStart(2, '0');
    const file = join(dir, `${number}-${nameOf(transcript)}-${transcript.code}.json`);
    await writeFile(file, `${JSON.stringify(transcript, null, 2)}\n`);
  }
}
