#include "store/error.hpp"

namespace airbridge::store {

std::string_view name_of(StoreFault fault) {
  switch (fault) {
    case StoreFault::DiskFull:
      return "disk full";
    case StoreFault::DiskError:
      return "disk error";
    case StoreFault::Gap:
      return "gap";
    case StoreFault::WrongChain:
      return "wrong chain";
    case StoreFault::Contradiction:
      return "contradiction";
    case StoreFault::TooBig:
      return "too big";
    case StoreFault::Malformed:
      return "malformed";
    case StoreFault::NotFound:
      return "not found";
    case StoreFault::Damaged:
      return "damaged";
    case StoreFault::OtherFormat:
      return "newer format";
    case StoreFault::WrongIncident:
      return "wrong incident";
    case StoreFault::InUse:
      return "in use";
    case StoreFault::Busy:
      return "busy";
    case StoreFault::Stopped:
      return "stopped";
  }
  return "unknown";
}

StoreError from_disk(const DiskError& error) {
  switch (error.kind) {
    case DiskFault::Full:
      return {StoreFault::DiskFull, error.what};
    case DiskFault::NotFound:
      return {StoreFault::NotFound, error.what};
    case DiskFault::Busy:
      return {StoreFault::InUse, error.what};
    case DiskFault::Io:
    case DiskFault::ReadOnly:
      break;
  }
  return {StoreFault::DiskError, error.what};
}

}  // namespace airbridge::store
