// A client that sends exactly the bytes it is told to, for tests of the server.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace freshet {

struct RawResponse {
  int status = 0;  // 0: the connection ended before an answer.
  std::string head;
  std::string body;

  std::string header(const std::string& name) const {  // Lower case name, exact.
    const size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const size_t from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

class RawClient {
 public:
  explicit RawClient(uint16_t port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  // One answer with a content-length; bytes beyond it stay for the next.
  RawResponse receive(bool body_expected = true) {
    RawResponse response;
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill()) return response;
    }
    response.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    response.status = std::atoi(response.head.c_str() + 9);
    const std::string length = response.header("content-length");
    if (length.empty() || !body_expected) return response;
    const auto size = static_cast<size_t>(std::atoll(length.c_str()));
    while (buffer_.size() < size) {
      if (!fill()) break;
    }
    response.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return response;
  }
  std::string receive_until(std::string_view text) {
    while (buffer_.find(text) == std::string::npos) {
      if (!fill()) break;
    }
    return buffer_;
  }
  bool closed_by_server() {  // Waits for it.
    while (fill()) {
    }
    return ended_;
  }

 private:
  bool fill() {
    char chunk[4096];
    const ssize_t size = ::recv(fd_, chunk, sizeof chunk, 0);
    ended_ = size == 0 || (size < 0 && errno == ECONNRESET);
    if (size <= 0) return false;
    buffer_.append(chunk, static_cast<size_t>(size));
    return true;
  }

  int fd_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string buffer_;
};

}  // namespace freshet
