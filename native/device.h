// What programs run on: an instruction set and threads. A backend has one device; its executables share it.
#pragma once

#include "kernels/kernels.h"
#include "threads.h"

namespace dots {

struct Device {
  /// The machine must support the instruction set.
  Device(Isa isa, int numThreads) : kernels(kernelsFor(isa)), pool(numThreads) {}

  const Kernels& kernels;
  ThreadPool pool;
};

}  // namespace dots
