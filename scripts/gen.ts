// Writes everything that is generated from the schemas and protocols: `npm run gen`. With --check, writes nothing and fails when a
// file is missing, different or left over.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generatedFiles } from '@holdfast/api/generate/files.ts';
import { cliReferenceFiles } from '@holdfast/server/transport/cli/reference.ts';
import { csiReferenceFiles } from '@holdfast/server/transport/csi/reference.ts';
import { protoFiles } from './proto-types.ts';

const root = path.resolve(import.meta.dirname, '..');
/** Folders in which every file is generated. */
const OWNED = ['deploy/crds', 'packages/server/src/transport/csi/gen'];

async function current(file: string): Promise<string | undefined> {
  try {
    return await readFile(path.join(root, file), 'utf8');
  } catch {
    return undefined;
  }
}

async function main(): Promise<void> {
  const checkOnly = process.argv.includes('--check');
  const files = new Map([...generatedFiles(), ...cliReferenceFiles(), ...csiReferenceFiles(), ...protoFiles()]);
  const stale: string[] = [];
  for (const [file, text] of files) {
    if ((await current(file)) === text) continue;
    stale.push(file);
    if (checkOnly) continue;
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
  }
  for (const folder of OWNED) {
    for (const name of await readdir(path.join(root, folder))) {
      const file = `${folder}/${name}`;
      if (files.has(file)) continue;
      stale.push(`${file} (left over)`);
      if (!checkOnly) await rm(path.join(root, file));
    }
  }
  if (stale.length === 0) console.log(`${files.size} generated files are up to date`);
  else if (checkOnly) {
    console.error(`not up to date, run \`npm run gen\` and commit the result:\n  ${stale.join('\n  ')}`);
    process.exitCode = 1;
  } else console.log(`written:\n  ${stale.join('\n  ')}`);
}

await main();
