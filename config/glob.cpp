#include "config/glob.h"

#include <fnmatch.h>

namespace flopwatt {

bool is_glob(std::string_view pattern) { return pattern.find_first_of("*?[") != pattern.npos; }

bool matches_glob(const std::string& pattern, const std::string& text) {
  return fnmatch(pattern.c_str(), text.c_str(), FNM_NOESCAPE) == 0;
}

}  // namespace flopwatt
