// Units of measure: every spelling a catalogue uses, and the one form they are indexed under.
#pragma once

#include <string_view>

namespace freshet {

// The one form of a unit's spelling ("feet" -> "ft"); "" when it is none. `attached`: it stands directly
// behind its number ("20a"), where also single letters are units.
std::string_view unit_form(std::string_view word, bool attached);

}  // namespace freshet
