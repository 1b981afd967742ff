// An operand of a matrix product in byte planes, for subgroup matrices.
requires packed_4x8_integer_dot_product;

//#include "shared/gemmOperands.wgsl"
//#include "shared/planes.wgsl"
