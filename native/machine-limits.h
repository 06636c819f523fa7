// The machine's limits, measured: what every speed is compared with.
#pragma once

#include "device.h"
#include "error.h"

namespace dots {

struct Limits {
  double readBytesPerSecond = 0;        // all threads together, from memory that no cache holds
  double floatMultipliesPerSecond = 0;  // f32 fused multiply-adds
  double byteMultipliesPerSecond = 0;   // 8-bit multiply-adds into 32-bit sums
};

/// Takes about 0.7 s, and 256 MB for as long. The best of many short tries counts: what a neighbour took is not a limit
/// of the machine. False with `error` set when there is no memory.
bool measureLimits(Device& device, Limits* limits, Error* error);

}  // namespace dots
