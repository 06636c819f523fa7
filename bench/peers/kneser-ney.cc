// Interpolated modified Kneser-Ney of any order, as a baseline for language models. Source: Chen & Goodman 1999.
//
//   g++ -O2 -std=c++17 -o kneser-ney kneser-ney.cc
//   kneser-ney ORDER SYMBOLS TRAIN.u16 TEST.u16 [--check]
//
// The files hold little-endian 16-bit symbols below SYMBOLS; 0xffff ends a document. A document has a mark before its first
// symbol and one behind its last, as in KenLM; lower orders count different left neighbours, and a mark counts as it is.
// Prints JSON: Σ -log2 p over all symbols of the test documents but the first of each (and without their end marks), and how
// many there are. --check adds up the probabilities of all symbols after 50 contexts of the test; they must give 1.
//
// Only what the test asks about is kept. Positions of the training text are sorted by (w, word before, word before that, ...),
// so that the occurrences of an n-gram lie side by side for every n at once: one pass over them gives all counts. Memory: 10
// bytes a training symbol and a hash table for the test's n-grams.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

// Symbols are shifted by 2: 0 stands before a document's start mark and belongs to no n-gram, 1 is the mark.
constexpr uint16_t kNothing = 0;
constexpr uint16_t kMark = 1;
constexpr int kMaxOrder = 12;

struct Counts {
  // As a word after its context, and as a context: all followers together, and how many have count 1, 2, 3 or more.
  uint64_t count = 0;
  uint64_t total = 0;
  uint64_t followers[3] = {0, 0, 0};
};

std::vector<uint16_t> read(const char* path, int order, int num_symbols) {
  std::FILE* file = std::fopen(path, "rb");
  if (file == nullptr) { std::fprintf(stderr, "cannot read %s\n", path); std::exit(1); }
  std::vector<uint16_t> text;
  // `order` nothings at the very beginning; between documents the end mark of one is the start mark of the next.
  text.assign(order, kNothing);
  text.push_back(kMark);
  uint16_t buffer[1 << 15];
  for (size_t n; (n = std::fread(buffer, 2, 1 << 15, file)) > 0;)
    for (size_t i = 0; i < n; i++) {
      if (buffer[i] != 0xffff && buffer[i] >= num_symbols) {
        std::fprintf(stderr, "%s: symbol %u of %d\n", path, buffer[i], num_symbols);
        std::exit(1);
      }
      text.push_back(buffer[i] == 0xffff ? kMark : static_cast<uint16_t>(buffer[i] + 2));
    }
  std::fclose(file);
  return text;
}

// Hash of the n symbols that end at p, last one first; 64 bits, so that different n-grams of one test never meet.
uint64_t extend(uint64_t hash, uint16_t symbol) {
  hash = (hash ^ symbol) * 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

class Model {
 public:
  Model(int order, int num_symbols) : order_(order), num_words_(num_symbols + 1) {}

  // Keep the counts of the n-grams that end in `word` after the context that ends before p, and of their contexts.
  void want(const std::vector<uint16_t>& text, size_t p, uint16_t word) {
    uint64_t context = 0, gram = extend(0, word);
    for (int n = 1; n <= order_; n++) {
      grams_[n].try_emplace(gram);
      contexts_[n].try_emplace(context);
      const uint16_t before = text[p - n];
      if (before == kNothing || (n > 1 && text[p - n + 1] == kMark)) break;
      gram = extend(gram, before);
      context = extend(context, before);
    }
  }

  void count(const std::vector<uint16_t>& text) {
    std::vector<uint32_t> at;
    for (size_t p = order_ + 1; p < text.size(); p++) at.push_back(static_cast<uint32_t>(p));
    sort(text, at);
    // open[n]: the n-gram that the scan is in: where it began, and how many different left neighbours it had so far.
    struct Open { uint64_t occurrences, neighbours; };
    Open open[kMaxOrder + 1];
    for (auto& one : open) one = {0, 0};
    for (size_t i = 0; i <= at.size(); i++) {
      // How many symbols, from the last backwards, this position shares with the one before it in the order.
      int shared = 0;
      if (i > 0 && i < at.size())
        while (shared < order_ && text[at[i] - shared] == text[at[i - 1] - shared] && !(shared > 0 && stops(text, at[i], shared)))
          shared++;
      if (i > 0)
        for (int n = order_; n > shared; n--) {
          if (open[n].occurrences == 0) continue;
          close(text, at[i - 1], n, open[n].occurrences, open[n].neighbours);
          open[n] = {0, 0};
        }
      if (i == at.size()) break;
      for (int n = 1; n <= order_ && !(n > 1 && stops(text, at[i], n - 1)); n++) {
        // A new (n+1)-gram began, so the n-gram has met one more left neighbour.
        open[n].occurrences++;
        if (n >= shared) open[n].neighbours++;
      }
    }
    for (int n = 1; n <= order_; n++) {
      const uint64_t* c = counts_of_counts_[n];
      const double y = double(c[1]) / double(c[1] + 2 * c[2]);
      for (int k = 1; k <= 3; k++) {
        discounts_[n][k] = k - (k + 1) * y * double(c[k + 1]) / double(c[k]);
        if (!(discounts_[n][k] >= 0 && discounts_[n][k] <= k)) {
          // Too little text for the estimate, as KenLM finds as well; its fallback values.
          discounts_[n][k] = k == 1 ? 0.5 : k == 2 ? 1 : 1.5;
          std::fprintf(stderr, "order %d: discount %d falls back\n", n, k);
        }
      }
    }
  }

  double probability(const std::vector<uint16_t>& text, size_t p, uint16_t word) const {
    double result = 1.0 / num_words_;
    uint64_t context = 0, gram = extend(0, word);
    for (int n = 1; n <= order_; n++) {
      const Counts& c = contexts_[n].at(context);
      if (c.total == 0) break;
      const double* discount = discounts_[n];
      const uint64_t count = grams_[n].at(gram).count;
      const double left = count == 0 ? 0 : double(count) - discount[count < 3 ? count : 3];
      const double freed = discount[1] * c.followers[0] + discount[2] * c.followers[1] + discount[3] * c.followers[2];
      result = (left + freed * result) / double(c.total);
      const uint16_t before = text[p - n];
      if (before == kNothing || (n > 1 && text[p - n + 1] == kMark)) break;
      gram = extend(gram, before);
      context = extend(context, before);
    }
    return result;
  }

 private:
  // Whether the n-gram that ends at p cannot be longer than n: it begins with a mark that is not its last symbol.
  static bool stops(const std::vector<uint16_t>& text, size_t p, int n) {
    return text[p - n] == kNothing || (n > 1 && text[p - n + 1] == kMark);
  }

  // Stable sorts by 16 bits, the farthest symbol first. What lies behind a start mark is compared as well: it does not
  // separate what belongs together, because it comes after the mark in the comparison.
  void sort(const std::vector<uint16_t>& text, std::vector<uint32_t>& at) const {
    std::vector<uint32_t> other(at.size());
    std::vector<size_t> begin(65537);
    for (int back = order_ - 1; back >= 0; back--) {
      std::fill(begin.begin(), begin.end(), 0);
      for (uint32_t p : at) begin[text[p - back] + 1]++;
      for (int s = 0; s < 65536; s++) begin[s + 1] += begin[s];
      for (uint32_t p : at) other[begin[text[p - back]]++] = p;
      at.swap(other);
    }
  }

  void close(const std::vector<uint16_t>& text, size_t p, int n, uint64_t occurrences, uint64_t neighbours) {
    const bool starts_with_mark = n > 1 && text[p - n + 1] == kMark;
    const uint64_t count = n == order_ || starts_with_mark ? occurrences : neighbours;
    if (count <= 4) counts_of_counts_[n][count]++;
    uint64_t context = 0;
    for (int k = 1; k < n; k++) context = extend(context, text[p - k]);
    const auto followed = contexts_[n].find(context);
    if (followed == contexts_[n].end()) return;
    followed->second.total += count;
    followed->second.followers[count < 3 ? count - 1 : 2]++;
    uint64_t gram = extend(0, text[p]);
    for (int k = 1; k < n; k++) gram = extend(gram, text[p - k]);
    const auto found = grams_[n].find(gram);
    if (found != grams_[n].end()) found->second.count = count;
  }

  const int order_;
  const int num_words_;  // with the end mark
  std::unordered_map<uint64_t, Counts> grams_[kMaxOrder + 1], contexts_[kMaxOrder + 1];
  uint64_t counts_of_counts_[kMaxOrder + 1][5] = {};
  double discounts_[kMaxOrder + 1][4] = {};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) { std::fprintf(stderr, "usage: kneser-ney ORDER SYMBOLS TRAIN.u16 TEST.u16 [--check]\n"); return 2; }
  const int order = std::atoi(argv[1]), num_symbols = std::atoi(argv[2]);
  const bool check = argc > 5 && std::strcmp(argv[5], "--check") == 0;
  if (order < 1 || order > kMaxOrder || num_symbols < 1 || num_symbols > 65533) { std::fprintf(stderr, "bad numbers\n"); return 2; }
  const std::vector<uint16_t> train = read(argv[3], order, num_symbols), test = read(argv[4], order, num_symbols);

  Model model(order, num_symbols);
  std::vector<size_t> checked;
  for (size_t p = order + 2; p < test.size(); p++) {
    if (test[p] == kMark || test[p - 1] == kMark) continue;
    model.want(test, p, test[p]);
    if (check && p % (test.size() / 50 + 1) == 0) checked.push_back(p);
  }
  for (size_t p : checked) {
    model.want(test, p, kMark);
    for (int s = 0; s < num_symbols; s++) model.want(test, p, static_cast<uint16_t>(s + 2));
  }
  model.count(train);

  double worst = 0;
  for (size_t p : checked) {
    double sum = model.probability(test, p, kMark);
    for (int s = 0; s < num_symbols; s++) sum += model.probability(test, p, static_cast<uint16_t>(s + 2));
    worst = std::fmax(worst, std::fabs(sum - 1));
  }
  if (worst > 1e-9) { std::fprintf(stderr, "probabilities sum to 1 only within %g\n", worst); return 1; }
  double bits = 0;
  uint64_t scored = 0;
  for (size_t p = order + 2; p < test.size(); p++) {
    if (test[p] == kMark || test[p - 1] == kMark) continue;
    bits -= std::log2(model.probability(test, p, test[p]));
    scored++;
  }
  std::printf("{\"order\": %d, \"bits\": %.3f, \"scored\": %llu, \"trained\": %zu, \"sumError\": %g}\n", order, bits,
              static_cast<unsigned long long>(scored), train.size() - order - 1, worst);
}
