/** What the 16 codes of iq4_nl and iq4_xs stand for: finer steps near zero, where most weights are. */
export const iq4Values = Int8Array.of(
  ...[-127, -104, -83, -65, -49, -35, -22, -10],
  ...[1, 13, 25, 38, 53, 69, 89, 113],
);
