import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sanityBinary } from './sanity-binary.ts';

export interface SanityOptions {
  /** `unix:///path` of the node service. */
  readonly nodeEndpoint: string;
  readonly controllerEndpoint: string;
  /** A directory of our own: mounts, staging and reports go below it. */
  readonly dir: string;
  readonly accessType: 'mount' | 'block';
  /** Of the StorageClass. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Bytes. */
  readonly sizeBytes: number;
  readonly expandBytes: number;
}

export interface SanityResult {
  readonly passed: string[];
  /** Name and reason. */
  readonly failed: string[];
  /** Name and reason. */
  readonly skipped: string[];
}

interface Spec {
  readonly ContainerHierarchyTexts: readonly string[] | null;
  readonly LeafNodeText: string;
  readonly LeafNodeType: string;
  readonly State: string;
  readonly Failure?: { readonly Message: string };
}

/** Ends by itself before a hanging test would hold up everything. */
const TIMEOUT = '10m';

/** Runs every test of csi-sanity once, serially, and tells what became of each. */
export async function runSanity(options: SanityOptions): Promise<SanityResult> {
  const program = await sanityBinary();
  const parameters = join(options.dir, 'parameters.yaml');
  const lines = Object.entries(options.parameters).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
  await writeFile(parameters, lines.length === 0 ? '{}\n' : lines.join(''));
  const report = join(options.dir, 'report.json');
  const argv = [
    `--csi.endpoint=${options.nodeEndpoint}`,
    `--csi.controllerendpoint=${options.controllerEndpoint}`,
    `--csi.mountdir=${join(options.dir, 'target')}`,
    `--csi.stagingdir=${join(options.dir, 'staging')}`,
    `--csi.testvolumeaccesstype=${options.accessType}`,
    `--csi.testvolumeparameters=${parameters}`,
    `--csi.testvolumesize=${options.sizeBytes}`,
    `--csi.testvolumeexpandsize=${options.expandBytes}`,
    '--ginkgo.no-color',
    '--ginkgo.seed=1',
    `--ginkgo.timeout=${TIMEOUT}`,
    `--ginkgo.json-report=${report}`,
  ];
  await output(program, argv);
  return resultOf(await readFile(report, 'utf8'));
}

/** Its exit status says nothing that the report does not say better. */
function output(program: string, argv: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { stdio: 'ignore' });
    child.on('error', reject);
    child.on('exit', () => resolve());
  });
}

function resultOf(report: string): SanityResult {
  const result: SanityResult = { passed: [], failed: [], skipped: [] };
  for (const { SpecReports } of JSON.parse(report) as { SpecReports: Spec[] }[]) {
    for (const spec of SpecReports) {
      // Set-up and clean-up around the whole are only told when they went wrong.
      if (spec.LeafNodeType !== 'It' && spec.State === 'passed') continue;
      const name = [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' ');
      const why = spec.Failure === undefined ? '' : `: ${spec.Failure.Message.slice(0, 500)}`;
      if (spec.State === 'passed') result.passed.push(name);
      else if (spec.State === 'skipped' || spec.State === 'pending') result.skipped.push(`${name}${why}`);
      else result.failed.push(`${name}${why}`);
    }
  }
  return result;
}
