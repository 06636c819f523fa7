#include "isa-dispatch.h"

#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include "host.h"
#endif

namespace dots {

const char* isaName(Isa isa) {
  switch (isa) {
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx512: return "avx512";
    case Isa::kNeon: return "neon";
    default: return "portable";
  }
}

#if defined(__x86_64__)
// Clang 14 has no name for it in __builtin_cpu_supports.
static bool hasF16c() {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

bool isaSupported(Isa isa) {
#if defined(__x86_64__)
  // The compiler's runtime also asks the operating system whether it saves the wide registers.
  __builtin_cpu_init();
  if (isa == Isa::kAvx2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && hasF16c();
  if (isa == Isa::kAvx512)
    return isaSupported(Isa::kAvx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vnni");
#elif defined(__aarch64__)
  if (isa == Isa::kNeon) return host::hasDotProducts();
#endif
  return isa == Isa::kPortable;
}

bool findIsa(const char* name, Isa* isa) {
  for (const Isa candidate : kAllIsas) {
    if (std::strcmp(name, isaName(candidate)) != 0 || !isaSupported(candidate)) continue;
    *isa = candidate;
    return true;
  }
  return false;
}

}  // namespace dots
