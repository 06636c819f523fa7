/**
 * The 16 values of a four-bit E2M1 float, doubled so that they are integers (0.5 becomes 1); whoever uses them halves
 * the scale. Minus zero is plain zero.
 */
export const doubledE2M1 = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);
