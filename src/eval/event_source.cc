#include "eval/event_source.h"

#include "event/codec.h"

namespace freshet {

void EventBuffer::add(const Event& event) {
  begins_.push_back(bytes_.size());
  encode_event(event, bytes_);
}

Status EventBuffer::get(size_t index, Event& event) const {
  const size_t begin = begins_[index];
  const size_t end = index + 1 < begins_.size() ? begins_[index + 1] : bytes_.size();
  return decode_event(std::string_view(bytes_.bytes()).substr(begin, end - begin), event);
}

Status EventBuffer::each(const Take& take) {
  Event event;
  const size_t count = order_.empty() ? size() : order_.size();
  for (done_ = 0; done_ < count; done_++) {
    TRY_STATUS(get(order_.empty() ? done_ : order_[done_], event));
    TRY_STATUS(take(event));
  }
  return {};
}

}  // namespace freshet
