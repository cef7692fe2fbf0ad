#include "ingest/compression.h"

#include <algorithm>

#include <zlib.h>
#include <zstd.h>

namespace freshet {

Result<std::string> gunzip(std::string_view body, size_t bytes_max) {
  z_stream stream{};
  CHECK(inflateInit2(&stream, 15 + 16) == Z_OK);
  struct End {
    z_stream* stream;
    ~End() { inflateEnd(stream); }
  } end{&stream};

  std::string out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  const auto place = [&] { return " before byte " + std::to_string(body.size() - stream.avail_in); };
  if (body.empty()) return invalid("gzip body: empty");
  while (stream.avail_in > 0) {  // One member a turn.
    int status = Z_OK;
    do {
      const size_t have = out.size();
      if (have > bytes_max)
        return exhausted("gzip body: more than " + std::to_string(bytes_max) + " bytes when decompressed");
      // At most one byte more than allowed: enough to know that it is too much.
      const size_t room = std::min(bytes_max + 1 - have, std::max<size_t>(16 << 10, have));
      out.resize(have + room);
      stream.next_out = reinterpret_cast<Bytef*>(out.data() + have);
      stream.avail_out = static_cast<uInt>(room);
      status = inflate(&stream, Z_NO_FLUSH);
      out.resize(have + room - stream.avail_out);
      if (status == Z_STREAM_END) break;
      if (status == Z_BUF_ERROR || (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0))
        return invalid("gzip body: cut short" + place());
      if (status != Z_OK)
        return invalid("gzip body: damaged" + place() + ": " +
                       (stream.msg != nullptr ? stream.msg : "wrong data"));
    } while (true);
    if (stream.avail_in > 0) inflateReset(&stream);
  }
  if (out.size() > bytes_max)
    return exhausted("gzip body: more than " + std::to_string(bytes_max) + " bytes when decompressed");
  return out;
}

std::string gzip(std::string_view text, int level) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view text, int level) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), level);
  CHECK(!ZSTD_isError(size));
  out.resize(size);
  return out;
}

}  // namespace freshet
