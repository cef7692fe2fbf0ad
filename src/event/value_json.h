// The value of an attribute as JSON: what stands nowhere is null.
#pragma once

#include "base/json_writer.h"
#include "event/event.h"

namespace freshet {

void write_value(JsonWriter& json, const Value& value);

}  // namespace freshet
