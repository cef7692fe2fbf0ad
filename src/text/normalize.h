// Unicode text as it may stand in an event: valid UTF-8 in normal form C, so that one word has one spelling
// (Unicode Standard Annex 15).
//
// ASCII is recognised 8 bytes at a time and is already normal; only the rest costs a library call.
// Threads: all functions are pure. Errors are answers, not Status: bad text is ordinary here.
#pragma once

#include <string>
#include <string_view>

namespace freshet {

bool is_ascii(std::string_view text);
// Only U+0020-007E: nothing to validate, normalise or replace. The fast path of every door.
bool is_plain(std::string_view text);
bool is_utf8(
    std::string_view text);  // Well-formed: no overlong forms, no surrogates, nothing above U+10FFFF.

// True when `text` holds a control character: U+0000-001F, U+007F-009F, or a line or paragraph separator.
// `text` must be valid UTF-8.
bool has_control(std::string_view text);

// Each run of control characters becomes one space; spaces at both ends go. `text` must be valid UTF-8.
void replace_controls(std::string& text);

// Brings `text` to normal form C. False (and `text` unchanged): it is not valid UTF-8.
bool normalize_nfc(std::string& text);

}  // namespace freshet
