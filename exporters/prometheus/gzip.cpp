#include "exporters/prometheus/gzip.h"

#include <zlib.h>

#include <limits>
#include <new>
#include <stdexcept>

namespace flopwatt::prometheus {
namespace {

constexpr int level = 1;
constexpr int gzip_window_bits = 15 + 16;  // the largest window; 16: with gzip's head and checksum
constexpr int memory_level = 8;            // zlib's default: 128 KiB for the compressor's tables

class Deflater {
 public:
  Deflater() {
    if (deflateInit2(&stream_, level, Z_DEFLATED, gzip_window_bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { deflateEnd(&stream_); }

  z_stream* operator->() { return &stream_; }
  z_stream* get() { return &stream_; }

 private:
  z_stream stream_{};
};

}  // namespace

std::string gzip(std::string_view text) {
  if (text.size() > std::numeric_limits<uInt>::max()) throw std::length_error("a page beyond 4 GiB");
  Deflater deflater;
  std::string out(deflateBound(deflater.get(), text.size()), '\0');
  // zlib takes its input as not const, and does not change it.
  deflater->next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));  // NOLINT
  deflater->avail_in = static_cast<uInt>(text.size());
  deflater->next_out = reinterpret_cast<Bytef*>(out.data());  // NOLINT
  deflater->avail_out = static_cast<uInt>(out.size());
  if (deflate(deflater.get(), Z_FINISH) != Z_STREAM_END)
    throw std::logic_error("deflate did not end within its own bound");
  out.resize(deflater->total_out);
  out.shrink_to_fit();
  return out;
}

}  // namespace flopwatt::prometheus
