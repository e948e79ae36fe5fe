// Corrects words of standard input by a word list, which it reads and indexes first.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <regex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

using Index = std::unordered_multimap<std::string, std::string>;

// A word, and the word with each one of its letters left out.
static std::vector<std::string> forms(const std::string &word) {
    std::vector<std::string> all{word};
    for (size_t at = 0; at < word.size(); at++) all.push_back(word.substr(0, at) + word.substr(at + 1));
    return all;
}

static std::string contents(const char *path) {
    std::string all;
    std::FILE *file = std::fopen(path, "r");
    if (!file) {
        std::cerr << path << " is not there\n";
        std::exit(1);
    }
    for (int byte; (byte = std::fgetc(file)) != EOF;) all += static_cast<char>(byte);
    std::fclose(file);
    return all;
}

int main() {
    const std::regex plain("[a-z]+");
    Index index;
    std::stringstream words(contents("/data/words.txt"));
    for (std::string word; std::getline(words, word);)
        if (std::regex_match(word, plain))
            for (const auto &form : forms(word)) index.emplace(form, word);
    for (std::string word; std::cin >> word;) {
        std::vector<std::string> found;
        for (const auto &form : forms(word)) {
            auto [from, to] = index.equal_range(form);
            for (auto at = from; at != to; ++at) found.push_back(at->second);
        }
        std::sort(found.begin(), found.end());
        found.erase(std::unique(found.begin(), found.end()), found.end());
        std::cout << word << ':';
        for (const auto &word : found) std::cout << ' ' << word;
        std::cout << std::endl;
    }
}
