// Memory whose size comes from outside: from a file, a program or a request. The standard containers end the process
// where there is none (we build without exceptions); what is here says so, and the run that needed it ends with an
// error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

namespace dots {

/// As malloc; null also for a size that is negative or that no pointer could count.
void* allocateBytes(int64_t sizeBytes);
void freeBytes(void* bytes);

/// For tests: asked before every allocation whose size comes from outside, which then fails where this says no. Null:
/// nobody is asked.
extern bool (*mayAllocate)(int64_t sizeBytes);
inline bool isRefused(int64_t sizeBytes) { return mayAllocate && !mayAllocate(sizeBytes); }

/// A list that somebody else owns.
template <class T>
class Span {
 public:
  Span() = default;
  Span(const T* data, size_t size) : data_(data), size_(size) {}
  /// From anything that has data() and size().
  template <class List>
  Span(const List& list) : data_(list.data()), size_(list.size()) {}

  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const T& operator[](size_t i) const { return data_[i]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

 private:
  const T* data_ = nullptr;
  size_t size_ = 0;
};

/// A list that grows, or says that it cannot and stays as it was. Moved, never copied in passing.
template <class T>
class Buffer {
  static_assert(alignof(T) <= alignof(std::max_align_t), "malloc aligns no further");

 public:
  Buffer() = default;
  ~Buffer() { release(); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) release(), swap(other);
    return *this;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& back() { return data_[size_ - 1]; }
  const T& back() const { return data_[size_ - 1]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  /// Elements that are new are zero, or as their constructor makes them.
  [[nodiscard]] bool resize(size_t size) {
    if (size > capacity_ && !reserve(size)) return false;
    for (; size_ > size; --size_) data_[size_ - 1].~T();
    if constexpr (std::is_trivial<T>::value) {
      if (size > size_) std::memset(data_ + size_, 0, (size - size_) * sizeof(T));
      size_ = size;
    } else {
      for (; size_ < size; ++size_) new (data_ + size_) T();
    }
    return true;
  }
  [[nodiscard]] bool assign(const T* source, size_t count) {
    static_assert(std::is_trivially_copyable<T>::value, "others are moved");
    if (!resize(count)) return false;
    if (count > 0) std::memcpy(data_, source, count * sizeof(T));
    return true;
  }
  [[nodiscard]] bool push(T value) {
    if (size_ == capacity_ && !reserve(capacity_ < 8 ? 8 : 2 * capacity_)) return false;
    new (data_ + size_++) T(std::move(value));
    return true;
  }
  void clear() {
    for (; size_ > 0; --size_) data_[size_ - 1].~T();
  }
  void release() {
    clear();
    freeBytes(data_);
    data_ = nullptr;
    capacity_ = 0;
  }

 private:
  bool reserve(size_t capacity) {
    if (capacity > static_cast<size_t>(INT64_MAX) / sizeof(T)) return false;
    T* const grown = static_cast<T*>(allocateBytes(static_cast<int64_t>(capacity * sizeof(T))));
    if (!grown) return false;
    for (size_t i = 0; i < size_; ++i) {
      new (grown + i) T(std::move(data_[i]));
      data_[i].~T();
    }
    freeBytes(data_);
    data_ = grown;
    capacity_ = capacity;
    return true;
  }
  void swap(Buffer& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace dots
