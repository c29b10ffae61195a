import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLab, type Lab, type LabNode, type LabOptions } from '@holdfast/lab/lab.ts';
import { createDrbd } from '../../src/adapters/drbd/index.ts';
import { createFenceGate } from '../../src/adapters/fence/index.ts';
import { LVM_CONFIG } from '../../src/adapters/lvm/config.ts';
import type { Clock, Random } from '../../src/ports/clock.ts';
import type { Drbd } from '../../src/ports/drbd.ts';
import type { Exec, ExecResult } from '../../src/ports/exec.ts';
import type { FenceGate } from '../../src/ports/fence.ts';
import type { Log } from '../../src/ports/log.ts';
import { labExec, labFiles, labPoke } from './lab-ports.ts';
import type { ContractNode, ContractWorld } from './world.ts';

export const STATE_DIR = '/var/lib/holdfast';
const EXTENT = 4 * 1024 * 1024;
/** Among others it keeps LVM from scanning DRBD devices: reading a frozen one hangs. */
const LVM = `--config '${LVM_CONFIG}'`;

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  },
  timer: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

let seed = 1;
const random: Random = {
  next: () => 0.5,
  hex: (bytes) => {
    seed += 1;
    return createHash('sha256')
      .update(`contract-${seed}`)
      .digest('hex')
      .slice(0, bytes * 2);
  },
  uuid: () => '00000000-0000-4000-8000-000000000000',
};

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };

export class LabContractNode implements ContractNode {
  readonly vm: LabNode;
  readonly name: string;
  readonly address: string;
  readonly #record: (result: ExecResult) => void;
  #drbd: Drbd | undefined;
  #fence: FenceGate | undefined;

  constructor(vm: LabNode, record: (result: ExecResult) => void = () => {}) {
    this.vm = vm;
    this.#record = record;
    this.name = vm.name;
    this.address = vm.replAddress;
  }

  get drbd(): Drbd {
    assert.ok(this.#drbd !== undefined, 'the node was started');
    return this.#drbd;
  }

  get fence(): FenceGate {
    assert.ok(this.#fence !== undefined, 'the node was started');
    return this.#fence;
  }

  /** What an agent does at its start. */
  async start(): Promise<void> {
    await this.vm.waitReady();
    await this.vm.sh(`set -e
modprobe -a drbd dm_thin_pool
if vgs ${LVM} data >/dev/null 2>&1; then vgchange ${LVM} -qq -ay data; else
  vgcreate ${LVM} -qq data /dev/disk/by-id/virtio-hf-${this.name}-d0 && lvcreate ${LVM} -qq -y -l 80%VG -T data/pool; fi`);
    const plain = labExec(this.vm);
    const exec: Exec = {
      ...plain,
      run: async (request) => {
        const result = await plain.run(request);
        this.#record(result);
        return result;
      },
    };
    const common = { exec, files: labFiles(this.vm), clock, log: quiet, stateDir: STATE_DIR };
    this.#drbd = await createDrbd({ ...common, random });
    this.#fence = createFenceGate({ ...common, poke: labPoke(this.vm) });
    await this.#fence.install();
  }

  async makeDisks(volume: string, sizeBytes: number) {
    const metaBytes = this.drbd.metadataBytes(sizeBytes, 1);
    assert.equal(metaBytes % EXTENT, 0);
    await this.vm.sh(`set -e
lvcreate ${LVM} -qq -y -Wy -V ${sizeBytes}b -T data/pool -n ${volume}
lvcreate ${LVM} -qq -y -Wy -Zy -L ${metaBytes}b -n ${volume}.md data`);
    return { disk: `/dev/data/${volume}`, metaDisk: `/dev/data/${volume}.md` };
  }

  async growDisk(volume: string, sizeBytes: number): Promise<void> {
    await this.vm.sh(`lvextend ${LVM} -qq -L ${sizeBytes}b data/${volume}`);
  }

  async write(minor: number, block: number, text: string) {
    const argv = [
      'dd',
      `of=/dev/drbd${minor}`,
      'bs=4096',
      'count=1',
      `seek=${block}`,
      'iflag=fullblock',
      'oflag=direct',
      'conv=notrunc,fsync',
    ];
    const process = await this.vm.spawn(argv, { stdin: text.padEnd(4096, '\0'), timeoutMs: 0 });
    const result = process.result.then(
      ({ code }) => (code === 0 ? ('acked' as const) : ('failed' as const)),
      () => 'failed' as const,
    );
    return { result };
  }

  async fill(minor: number, block: number, bytes: number): Promise<void> {
    await this.vm.sh(
      `dd if=/dev/urandom of=/dev/drbd${minor} bs=4096 seek=${block} count=${bytes / 4096} iflag=fullblock oflag=direct conv=notrunc,fsync status=none`,
    );
  }

  async fillDisk(volume: string, bytes: number): Promise<void> {
    await this.vm.sh(
      `dd if=/dev/urandom of=/dev/data/${volume} bs=1M count=${bytes / 1024 / 1024} iflag=fullblock oflag=direct conv=notrunc,fsync status=none`,
    );
  }

  async read(minor: number, block: number): Promise<string> {
    return this.vm.sh(`dd if=/dev/drbd${minor} bs=4096 count=1 skip=${block} iflag=direct status=none | tr -d '\\000'`);
  }

  async checksum(volume: string): Promise<string> {
    return this.vm.sh(`dd if=/dev/data/${volume} bs=1M iflag=direct status=none | md5sum`);
  }

  async hold(minor: number): Promise<() => Promise<void>> {
    // Says when it has it open, so that nobody has to guess.
    let opened = (): void => {};
    const isOpen = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const holder = await this.vm.spawn(['sh', '-c', `exec 3<>/dev/drbd${minor}; echo open; exec sleep 1000`], {
      timeoutMs: 0,
      onStdout: () => opened(),
    });
    await isOpen;
    return async () => {
      holder.kill('SIGKILL');
      await holder.result;
    };
  }

  async powerOff(): Promise<void> {
    await this.vm.powerOff();
  }

  async powerOn(): Promise<void> {
    await this.vm.powerOn();
    await this.start();
  }

  async loseHelper(): Promise<void> {
    await this.vm.sh('printf %s /nowhere/helper > /sys/module/drbd/parameters/usermode_helper');
  }
}

export interface LabContractWorld extends ContractWorld, AsyncDisposable {
  readonly a: LabContractNode;
  readonly b: LabContractNode;
  readonly lab: Lab;
}

/** Two VMs. `record` is told of every command and its answer. */
export async function createLabWorld(
  options: Pick<LabOptions, 'kernel' | 'app'> & { readonly record?: (result: ExecResult) => void } = {},
): Promise<LabContractWorld> {
  const { record, ...labOptions } = options;
  const lab = await createLab({ name: 'drbd-contract', nodes: 2, disks: [3 * 2 ** 30], ...labOptions });
  const a = new LabContractNode(lab.node('n1'), record);
  const b = new LabContractNode(lab.node('n2'), record);
  try {
    await Promise.all([a.start(), b.start()]);
  } catch (error) {
    await lab.destroy();
    throw error;
  }
  const link = { network: 'repl', from: 'n1', to: 'n2' } as const;
  return {
    a,
    b,
    lab,
    flavour: a.drbd.flavour,
    cut: () => lab.cut(link),
    heal: () => lab.heal(link),
    pause: async (ms) => {
      await sleep(ms);
    },
    [Symbol.asyncDispose]: () => lab.destroy(),
  };
}
