import type { Kernel } from '../kernel.ts';

const [A, B, C] = [3.4445, -4.775, 2.0315];
const NUM_ITERATIONS = 5;

export const muon: Kernel = (call) => {
  const [parameter, gradient, mean] = [0, 1, 2].map((index) => call.floats(index));
  const [rate, clip] = call.floats(3);
  const [beta, decay] = [call.number('momentum'), call.number('decay')];
  const [rows, cols] = call.shape(0).slice(-2);
  const length = rate * 0.2 * Math.sqrt(Math.max(rows, cols));
  for (let start = 0; start < parameter.length; start += rows * cols) {
    const x = new Float64Array(rows * cols);
    for (let i = 0; i < x.length; i++) {
      const g = gradient[start + i] * clip;
      mean[start + i] = beta * mean[start + i] + g;
      x[i] = beta * mean[start + i] + g;
      gradient[start + i] = 0;
    }
    const steps = orthogonalised(x, rows, cols);
    for (let i = 0; i < steps.length; i++)
      parameter[start + i] = parameter[start + i] * (1 - rate * decay) - length * steps[i];
  }
  call.output[0] = 0;
};

function orthogonalised(matrix: Float64Array, rows: number, cols: number): Float64Array {
  const norm = Math.sqrt(matrix.reduce((sum, value) => sum + value * value, 0)) + 1e-20;
  let x = matrix.map((value) => value / norm);
  for (let iteration = 0; iteration < NUM_ITERATIONS; iteration++) {
    // X Xᵀ X and (X Xᵀ)² X, from the right, so that no product is larger than X.
    const gram = timesTransposed(x, x, rows, cols);
    const cubic = times(gram, x, rows, cols);
    const quintic = times(gram, cubic, rows, cols);
    x = x.map((value, i) => A * value + B * cubic[i] + C * quintic[i]);
  }
  return x;
}

/** left · rightᵀ, both [rows, cols]. */
function timesTransposed(left: Float64Array, right: Float64Array, rows: number, cols: number): Float64Array {
  const product = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++)
      for (let k = 0; k < cols; k++) product[i * rows + j] += left[i * cols + k] * right[j * cols + k];
  return product;
}

/** square [rows, rows] · x [rows, cols]. */
function times(square: Float64Array, x: Float64Array, rows: number, cols: number): Float64Array {
  const product = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < rows; k++) {
      const factor = square[i * rows + k];
      for (let j = 0; j < cols; j++) product[i * cols + j] += factor * x[k * cols + j];
    }
  return product;
}
