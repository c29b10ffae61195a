import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '@holdfast/api/errors.ts';
import { compareReleases, selectKernel } from './kernel-select.ts';

const NAMES = [
  'linux-image-cloud-amd64',
  'linux-image-6.1.0-9-cloud-amd64',
  'linux-image-6.1.0-56-cloud-amd64',
  'linux-image-6.1.0-57-cloud-amd64-unsigned',
  'linux-image-6.1.0-57-cloud-amd64-dbg',
  'linux-image-6.12.107+deb13-cloud-amd64',
  'linux-image-6.12.107+deb12-cloud-amd64',
  'linux-image-6.12.94+deb13-cloud-amd64',
  'linux-image-6.19.14+deb13-cloud-amd64',
  'linux-binary-6.19.14+deb13-cloud-amd64',
  'linux-image-7.2.12+deb13-cloud-amd64',
  'linux-binary-7.2.12+deb13-cloud-amd64',
  'linux-binary-unsigned-7.3.4+deb13-cloud-amd64',
  'linux-modules-7.2.12+deb13-cloud-amd64',
  'linux-base-7.2.12+deb13-cloud-amd64',
];

describe('kernel selection', () => {
  it('takes the newest signed kernel of a series, by number', () => {
    assert.deepEqual(selectKernel('6.1', NAMES), {
      release: '6.1.0-56-cloud-amd64',
      packages: ['linux-image-6.1.0-56-cloud-amd64'],
    });
    assert.equal(selectKernel('6.12', NAMES).release, '6.12.107+deb13-cloud-amd64');
    assert.equal(selectKernel('6.12.94', NAMES).release, '6.12.94+deb13-cloud-amd64');
  });

  it('takes the two halves of a split kernel', () => {
    assert.deepEqual(selectKernel('7.2', NAMES).packages, [
      'linux-binary-7.2.12+deb13-cloud-amd64',
      'linux-modules-7.2.12+deb13-cloud-amd64',
      'linux-base-7.2.12+deb13-cloud-amd64',
    ]);
    assert.deepEqual(selectKernel('6.19', NAMES).packages, [
      'linux-binary-6.19.14+deb13-cloud-amd64',
      'linux-image-6.19.14+deb13-cloud-amd64',
    ]);
  });

  it('takes a full package name or release literally', () => {
    assert.equal(selectKernel('linux-image-6.1.0-9-cloud-amd64', NAMES).release, '6.1.0-9-cloud-amd64');
    assert.equal(selectKernel('6.1.0-9-cloud-amd64', NAMES).release, '6.1.0-9-cloud-amd64');
    assert.equal(selectKernel('linux-binary-7.2.12+deb13-cloud-amd64', NAMES).packages.length, 3);
  });

  it('refuses what is not there, naming what is', () => {
    for (const wanted of ['5.10', '6.', 'linux-image-6.1.0-57-cloud-amd64', '']) {
      assert.throws(
        () => selectKernel(wanted, NAMES),
        (error) =>
          error instanceof AppError &&
          error.code === 'not_found' &&
          /6\.1, 6\.12, 6\.19, 7\.2/.test(String(error.details.remedy)),
        wanted,
      );
    }
  });

  it('orders releases as numbers', () => {
    assert.ok(compareReleases('6.1.0-9-cloud-amd64', '6.1.0-56-cloud-amd64') < 0);
    assert.equal(compareReleases('7.2.12+deb13-cloud-amd64', '7.2.12+deb13-cloud-amd64'), 0);
  });
});
