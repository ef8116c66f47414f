#pragma once
// What people in the field write, made up: whole phrases as they stand in log books, plain words, and place names that
// each incident has of its own.
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.hpp"

namespace airbridge::bench {

class FieldWords {
 public:
  // A third of the plain words is `rare`: the shipped dictionary of squeeze was trained without them, as it will not
  // know many a word of a real incident.
  FieldWords(Rng rng, bool with_rare_words);
  // About `bytes` long, half of it whole phrases and half single words.
  std::string text(std::size_t bytes);
  std::string place();   // "Oberwald", "Kestmere bridge"
  std::string person();  // two names

 private:
  std::string syllables(int count);
  std::string word();
  Rng rng_;
  std::vector<std::string_view> words_;
  std::vector<std::string> places_;
};

}  // namespace airbridge::bench
