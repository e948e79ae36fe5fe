// A library as packages have them: an embind class, C++ exceptions, files in memory, functions that JavaScript adds.
#include <emscripten/bind.h>
#include <emscripten/emscripten.h>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>

using emscripten::val;

class Index {
 public:
  explicit Index(const std::string &name) : name_(name) {}
  void add(const std::string &word) {
    if (word.empty()) throw std::invalid_argument("an empty word");
    counts_[word] += 1;
  }
  int count(const std::string &word) const {
    auto found = counts_.find(word);
    return found == counts_.end() ? 0 : found->second;
  }
  int size() const { return static_cast<int>(counts_.size()); }
  std::string name() const { return name_; }
  // True if the word was taken.
  bool tryAdd(const std::string &word) {
    try {
      add(word);
      return true;
    } catch (const std::invalid_argument &) {
      return false;
    }
  }
  void save(const std::string &path) const {
    FILE *file = fopen(path.c_str(), "w");
    for (const auto &entry : counts_) fprintf(file, "%s %d\n", entry.first.c_str(), entry.second);
    fclose(file);
  }
  int load(const std::string &path) {
    FILE *file = fopen(path.c_str(), "r");
    if (file == nullptr) return -1;
    char word[64];
    int count, lines = 0;
    while (fscanf(file, "%63s %d", word, &count) == 2) {
      counts_[word] += count;
      lines += 1;
    }
    fclose(file);
    return lines;
  }
  // Leaves a file open, half written, until the second call.
  void begin(const std::string &path) {
    open_ = fopen(path.c_str(), "w");
    fprintf(open_, "begun by %s, ", name_.c_str());
    fflush(open_);
    fprintf(open_, "not flushed, ");
  }
  void end() {
    fprintf(open_, "ended\n");
    fclose(open_);
  }

 private:
  FILE *open_ = nullptr;
  std::string name_;
  std::map<std::string, int> counts_;
};

static std::map<int, int> squares;
static struct Constructed {
  Constructed() {
    for (int n = 0; n < 3000; n++) squares[n] = n * n;
  }
} constructed;

extern "C" {
EMSCRIPTEN_KEEPALIVE int square(int n) { return squares.at(n); }
static Index *kept;
EMSCRIPTEN_KEEPALIVE void keep(const char *path) {
  kept = new Index("kept");
  kept->begin(path);
}
EMSCRIPTEN_KEEPALIVE void finish() { kept->end(); }
EMSCRIPTEN_KEEPALIVE int apply(int function, int n) { return reinterpret_cast<int (*)(int)>(function)(n); }
}

EMSCRIPTEN_BINDINGS(library) {
  emscripten::class_<Index>("Index")
      .constructor<std::string>()
      .function("add", &Index::add)
      .function("tryAdd", &Index::tryAdd)
      .function("count", &Index::count)
      .function("size", &Index::size)
      .function("save", &Index::save)
      .function("load", &Index::load)
      .function("begin", &Index::begin)
      .function("end", &Index::end)
      .property("name", &Index::name);
}
