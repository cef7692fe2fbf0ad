// An event as the JSON object that the door would read it from: what a refused row becomes as a dead letter.
#pragma once

#include <string>

#include "event/event.h"

namespace freshet {

std::string event_as_json(const Event& event);

}  // namespace freshet
