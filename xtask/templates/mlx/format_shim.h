// Included before every file of mlx-c: std::format for a standard library that lacks it, as far as
// mlx-c uses it ("{}" and nothing else).
#pragma once
#ifdef __cplusplus
#include <version>
#ifndef __cpp_lib_format
#include <sstream>
#include <string>

namespace std {

inline void format_rest(ostringstream& out, const string& text, size_t at) {
  out << text.substr(at);
}

template <typename First, typename... Rest>
void format_rest(ostringstream& out, const string& text, size_t at, const First& first,
                 const Rest&... rest) {
  const size_t hole = text.find("{}", at);
  if (hole == string::npos) {
    out << text.substr(at);
    return;
  }
  out << text.substr(at, hole - at) << first;
  format_rest(out, text, hole + 2, rest...);
}

template <typename... Values>
string format(const string& text, const Values&... values) {
  ostringstream out;
  format_rest(out, text, 0, values...);
  return out.str();
}

} // namespace std
#endif
#endif
