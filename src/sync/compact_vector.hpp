#pragma once
// Who holds what, in the fewest bytes: bit-packed columns over a table, increments over an earlier vector, or a list.
#include "sync/compact_bytes.hpp"

namespace airbridge::sync::compact {

// What follows the type (and the tag) of a vector. The whole of it is dense.
void put_vector(Bytes& out, const VectorMessage& message, const WriterTable* table, const HeldVector* base);
// `base_of` finds the vector a delta starts from; when it does not, `unknown_base` is set and nothing is returned.
VectorMessage get_vector(In& in, const WriterTable* table,
                         const std::function<const HeldVector*(const Digest&)>& base_of, bool& unknown_base);

// Items as a list: of acknowledgements, and of vectors that neither table nor base help.
void put_items(Bytes& out, const std::vector<VectorItem>& items, const WriterTable* table);
std::vector<VectorItem> get_items(In& in, const WriterTable* table);

}  // namespace airbridge::sync::compact
