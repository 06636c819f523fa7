// The encoders for bench/encoders.ts: a request a line, "TYPE COLUMNS THREADS VALUES WEIGHTS OUT", and a line out for
// each, the seconds that it took and those of processor time. TYPE is ggml's number, VALUES and OUT are paths of f32
// rows and of the blocks that are written, WEIGHTS that of a weight for each column, or "-".
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "device.h"
#include "encode/encode-rows.h"
#include "host.h"
#include "tests/each-isa.h"

using namespace dots;

static std::vector<float> readFloats(const std::string& path) {
  std::vector<float> values;
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (!file) return values;
  std::fseek(file, 0, SEEK_END);
  values.resize(static_cast<size_t>(std::ftell(file)) / sizeof(float));
  std::rewind(file);
  values.resize(std::fread(values.data(), sizeof(float), values.size(), file));
  std::fclose(file);
  return values;
}

int main() {
  char values[1024], weights[1024], out[1024];
  int type = 0, threads = 0;
  long columns = 0;
  while (std::scanf("%d %ld %d %1023s %1023s %1023s", &type, &columns, &threads, values, weights, out) == 6) {
    const std::vector<float> x = readFloats(values), w = readFloats(weights);
    EncodeRows rows;
    rows.type = static_cast<StorageId>(type);
    rows.values = x.data();
    rows.importance = w.empty() ? nullptr : w.data();
    rows.numCols = columns;
    rows.numRows = static_cast<int64_t>(x.size()) / columns;
    int32_t blockElements = 1, blockBytes = 0;
    if (!encodedBlock(rows.type, &blockElements, &blockBytes)) return 1;
    std::vector<uint8_t> bytes(x.size() / static_cast<size_t>(blockElements) * static_cast<size_t>(blockBytes));
    rows.out = bytes.data();
    Device device(bestIsa(), threads);
    Error error;
    const double start = host::seconds();
    const std::clock_t cpu = std::clock();
    if (!encodeRows(rows, device, &error)) {
      std::fprintf(stderr, "%s\n", error.message());
      return 1;
    }
    const double seconds = host::seconds() - start;
    const double cpuSeconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
    std::FILE* const file = std::fopen(out, "wb");
    if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() || std::fclose(file) != 0) return 1;
    std::printf("%.9f %.9f\n", seconds, cpuSeconds);
    std::fflush(stdout);
  }
  return 0;
}
