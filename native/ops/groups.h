// Groups of experts, which chooseExperts and limitGroups choose among.
#pragma once

#include <cstdint>

namespace dots::ops {

/// Whether two attributes are a number of groups that divides the experts and how many of them are kept.
inline bool areGroups(double numGroups, double numKept, int64_t numExperts) {
  return numGroups >= 1 && numGroups <= static_cast<double>(numExperts) && numKept >= 1 && numKept <= numGroups &&
         numGroups == static_cast<double>(static_cast<int32_t>(numGroups)) &&
         numExperts % static_cast<int64_t>(numGroups) == 0;
}

}  // namespace dots::ops
