import { availableParallelism } from 'node:os';
import { FormatError, InternalError, ResourceError } from '../../core/errors.ts';
import { formatCount } from '../../core/units.ts';
import { checkWholeBlocks } from '../../dtype/define-type.ts';
import type { RowEncoder } from '../../dtype/row-encoder.ts';
import type { StorageType } from '../../dtype/storage-type.ts';
import { loadAddon, type NativeDevice, type NativeError } from './addon.ts';
import { chooseIsa, type NativeOptions } from './native-backend.ts';

/** native/encode/encode-job.h: kMaxValue, the largest half. */
const MAX_VALUE = 65_504;

/** The C++ encoders, on all cores, or why they cannot be had on this machine. */
export function openNativeEncoder(
  options: NativeOptions = {},
): { encoder: RowEncoder } | { encoder: undefined; why: string } {
  const found = loadAddon();
  if (!found.addon) return { encoder: undefined, why: found.why };
  const { addon } = found;
  const isa = chooseIsa(addon, options.isa);
  let device: NativeDevice | undefined;
  const encoder: RowEncoder = {
    async encodeRows(type, values, numColumns, importance) {
      checkWholeBlocks(type, 'encode', numColumns);
      device ??= addon.openDevice(isa, options.threads ?? availableParallelism());
      try {
        return await addon.encode(type.id, values, numColumns, importance, device);
      } catch (error) {
        throw toDotsError(error as NativeError, type, values, numColumns);
      }
    },
  };
  return { encoder };
}

function toDotsError(error: NativeError, type: StorageType, values: Float32Array, numColumns: number): Error {
  if (error.code === 'format') {
    const at = values.findIndex((value) => !(Math.abs(value) <= MAX_VALUE));
    if (at >= 0) return notEncodable(type, at, values[at], numColumns, error);
    return new FormatError(`Cannot encode values as ${type.name}: ${error.message}`, {
      code: 'bad-importance',
      hint: 'make the importance matrix again: its values are sums of squares, so 0 or more and finite',
      cause: error,
    });
  }
  if (error.code === 'resource') {
    return new ResourceError(`Cannot encode values as ${type.name}: ${error.message}`, {
      code: 'out-of-memory',
      hint: 'end other programs',
      cause: error,
    });
  }
  return new InternalError(error.message, { cause: error });
}

function notEncodable(
  type: StorageType,
  at: number,
  value: number,
  numColumns: number,
  cause: Error,
): FormatError {
  const row = Math.floor(at / numColumns);
  const what = Number.isFinite(value) ? `more than ${formatCount(MAX_VALUE)}` : 'not a finite number';
  return new FormatError(
    `Cannot encode row ${formatCount(row)} as ${type.name}: column ${formatCount(at % numColumns)} holds ${value}, ${what}`,
    {
      code: 'not-encodable',
      hint: 'the model is damaged or its training diverged; check the original, or keep this tensor as f32',
      cause,
    },
  );
}
