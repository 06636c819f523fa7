import { describe, expect, it } from 'vitest';
import { train } from '../../src/train/trainer.ts';
import { countingBackend } from '../fixtures/counting-backend.ts';
import { BACKEND, toyFolder, toyOptions, toyRun } from './toy.ts';

const NOTHING = { executables: 0, stores: 0 };

describe('train() leaves nothing open', () => {
  it.each([0, 1, 2, 3])('when the load of program %i fails', async (failAtLoad) => {
    const { backend, open } = countingBackend(BACKEND, failAtLoad);
    const options = { ...toyOptions(toyRun({}), await toyFolder()), backend };
    await expect(train(options)).rejects.toThrow(`load ${failAtLoad} failed`);
    expect(open).toEqual(NOTHING);
  });

  it('when the parameters cannot be filled', async () => {
    const { backend, open } = countingBackend(BACKEND);
    const begin = async (): Promise<void> => {
      expect(open).toEqual({ executables: 4, stores: 1 });
      throw new Error('no parameters');
    };
    const options = { ...toyOptions(toyRun({}), await toyFolder()), backend, begin };
    await expect(train(options)).rejects.toThrow('no parameters');
    expect(open).toEqual(NOTHING);
  });

  it('when the data throws, and when all is well', async () => {
    const { backend, open } = countingBackend(BACKEND);
    const options = { ...toyOptions(toyRun({ tokens: 128 }), await toyFolder()), backend };
    await train(options);
    expect(open).toEqual(NOTHING);
    const broken = {
      next: () => Promise.reject(new Error('no data')),
      position: () => 0,
      seek: async () => {},
    };
    const stages = [{ from: 0, source: broken }];
    await expect(train({ ...options, folder: await toyFolder(), stages })).rejects.toThrow('no data');
    expect(open).toEqual(NOTHING);
  });
});
