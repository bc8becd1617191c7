// State to bytes and back. A class with state lists its fields once, in `archive(Archive&)`.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace pyro_native {

class Saver {
  public:
    template <class T>
    void operator()(T& field) {
        if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
            write(&field, sizeof(T));
        } else {
            field.archive(*this);
        }
    }
    template <class T>
    void operator()(std::vector<T>& fields) {
        static_assert(std::is_arithmetic_v<T>);
        std::uint64_t size = fields.size();
        (*this)(size);
        write(fields.data(), size * sizeof(T));
    }
    void append(const Saver& other) { write(other.bytes_.data(), other.bytes_.size()); }
    const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  private:
    void write(const void* data, std::size_t size) {
        if (size == 0) return;
        const std::size_t old = bytes_.size();
        bytes_.resize(old + size);
        std::memcpy(bytes_.data() + old, data, size);
    }
    std::vector<std::uint8_t> bytes_;
};

// Reads what `Saver` wrote. After a blob that is too short, `good()` is false.
class Loader {
  public:
    Loader(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

    template <class T>
    void operator()(T& field) {
        if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
            read(&field, sizeof(T));
        } else {
            field.archive(*this);
        }
    }
    template <class T>
    void operator()(std::vector<T>& fields) {
        static_assert(std::is_arithmetic_v<T>);
        std::uint64_t size = 0;
        (*this)(size);
        if (size > left_ / sizeof(T)) {
            good_ = false;
            return;
        }
        fields.resize(size);
        read(fields.data(), size * sizeof(T));
    }
    bool good() const { return good_; }
    bool finished() const { return good_ && left_ == 0; }

  private:
    void read(void* to, std::size_t size) {
        if (size > left_) {
            good_ = false;
            return;
        }
        if (size == 0) return;
        std::memcpy(to, data_, size);
        data_ += size;
        left_ -= size;
    }
    const std::uint8_t* data_;
    std::size_t left_;
    bool good_ = true;
};

// FNV-1a, to tell a damaged blob from a whole one.
inline std::uint64_t checksum(const std::uint8_t* data, std::size_t size) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (std::size_t i = 0; i < size; ++i) hash = (hash ^ data[i]) * 0x100000001b3ULL;
    return hash;
}

}  // namespace pyro_native
